# ---- config: main.cf and master.cf: changed on copies, installed only over the bytes that were read -----------------

set_one() { # FOLDER FILE KEY VALUE: in the copies of main.cf and master.cf there
  case $2:$3 in main.cf:*) how=-e not=-X ;; *:*/*/*) how=-P not=-PX ;; *) how=-M not=-MX ;; esac
  case $4 in
    -) quietly 5 postconf -c "$1" $not "$3" ;;
    *) quietly 5 postconf -c "$1" $how "$3$4" ;;
  esac
}

# A file is replaced by rename, so nobody reads half of it. A file that cannot be renamed over is not touched.
fixed() { # FILE: why it cannot be replaced, or nothing
  real=$(readlink -f "$config_dir/$1")
  if [ ! -f "$real" ]; then echo "$real is no file"
  elif cut -d ' ' -f 5 /proc/self/mountinfo | grep -qxF -e "$real"; then echo "$real is a mount of its own, which cannot be replaced: edit where it comes from"
  elif [ "$(stat -c %h "$real")" != 1 ]; then echo "$real has several names (hard links), and replacing it would part them"
  elif ! (true >>"$real") 2>/dev/null; then echo "$real cannot be written: it is immutable, or its file system read-only"
  else case $(bounded 2 lsattr -d "$real" 2>/dev/null) in [!\ ]*[ia]*' /'*) echo "$real is immutable or append-only (chattr)" ;; esac
  fi
}

cramped() { # FOLDER...: one without room for our files or for a reload of Postfix; or nothing
  for folder; do
    set -- $(stat -f -c '%a %S %d %c' "$folder" 2>/dev/null)
    [ $# -eq 4 ] || { echo "the file system of $folder cannot be read"; return; }
    [ $(($1 * $2 / 1024)) -ge 1024 ] || { echo "no space is left at $folder"; return; }
    [ "$4" -eq 0 ] || [ "$3" -ge 50 ] || { echo "no inodes are left at $folder"; return; }
  done
}

install_file() { # NEW NAME SHA: replaces NAME if it still has that digest; keeps owner and mode, follows a link
  real=$(readlink -f "$config_dir/$2")
  rm -f "$real.failover" && cp -a --attributes-only "$real" "$real.failover" && cat "$1" >"$real.failover" &&
    sync "$real.failover" && [ "$(sha "$real")" = "$3" ] && mv -f "$real.failover" "$real" && sync "${real%/*}" && return
  rm -f "$real.failover"
  return 1
}

# The master ends at a reload if it cannot read master.cf. (`postfix reload` reads main.cf first, and refuses: measured.)
# `postfix check` is not asked: it has postsuper read the whole queue, and does not end in time where much mail is stuck.
read_by_postfix() { quietly 15 postconf -M; }

qmgr_pid() { for pid in $(children "$(master_pid)"); do grep -qx '[no]*qmgr' "/proc/$pid/comm" 2>/dev/null && echo "$pid"; done; }

reload() { # and wait until the old queue manager is gone: then nothing starts with the old configuration
  old=$(qmgr_pid)
  quietly 15 postfix reload || return
  until new=$(qmgr_pid); [ -n "$new" ] && [ "$new" != "$old" ]; do
    [ "$(left_s)" -gt 3 ] || return 1
    sleep 0.2
  done
}

# Until the reload, Postfix runs with the old configuration. An act can die there, or the reload can fail. So each
# instance has a mark, $STATE/unloaded/NAME: BOOT QMGR CONFIG_DIR RUN STEP SINCE of our last change. QMGR is the queue
# manager with the old configuration. (No uptime: a container and its processes have different clocks.)
UNLOADED='Postfix has not taken up what is in main.cf and master.cf: see what postfix reload says'

mark() { echo "$STATE/unloaded/$(printf %s "$config_dir" | tr / ,)"; }

changes_files() { # RUN STEP, before the first file is changed
  mkdir -p "$STATE/unloaded" &&
    echo "$(cat /proc/sys/kernel/random/boot_id) $(qmgr_now) $config_dir $1 $2 $(date +%s)" | put "$(mark)" ||
    because $REFUSED "cannot write $STATE/unloaded"
}

loaded() { rm -f "$(mark)"; }

qmgr_now() { # PID:BEGAN of the queue manager, or none
  pid=$(qmgr_pid | head -n 1)
  if [ -n "$pid" ]; then echo "$pid:$(began "$pid")"; else echo none; fi
}

unloaded() { # may Postfix run with the old configuration? Not if it was started or reloaded since
  read -r boot by _ 2>/dev/null <"$(mark)" && [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
    [ -e "$config_dir/main.cf" ] || return 1
  master_pid >/dev/null
  case $? in 1) return 1 ;; 2) return 0 ;; esac
  now=$(qmgr_now)
  case $by in *:*) [ "$now" = none ] || [ "$now" = "$by" ] ;; esac # without one, nobody can tell
}

began() { # PID: when it started, in ticks of 10 ms since boot: the 22nd field of proc(5)
  set -- $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
  echo "${20-0}"
}

# Somebody may revert our change in the files and not reload: then Postfix still runs by it. The change time of a file
# cannot be set by hand. A process started now tells the age of the queue manager (without the clock of a namespace).
edited() { # may main.cf or master.cf have been changed since Postfix loaded them?
  queue_dir >/dev/null || return 1 # reported elsewhere; the files read as before
  pid=$(qmgr_pid | head -n 1)
  [ -n "$pid" ] || { master_pid >/dev/null; [ $? -eq 2 ]; return; }
  now=$(date +%s) fresh=$(sed 's/.*) //' /proc/self/stat | cut -d ' ' -f 20)
  up=$(((fresh - $(began "$pid")) / 100))
  for file in main.cf master.cf; do
    at=$(stat -L -c %Z "$config_dir/$file" 2>/dev/null) && [ "$at" -le $((now - up + 1)) ] || return 0
  done
  return 1
}

marked() { # CONFIG_DIR of each instance that may not have loaded our last change
  find "$STATE/unloaded" -type f ! -name '*.tmp' -exec cut -d ' ' -f 3 {} + 2>/dev/null
}

load() ( # reload each instance that an act changed and, dead, did not reload
  for dir in $(marked); do
    config_dir=$dir
    export MAIL_CONFIG="$dir"
    ! unloaded || { reload && say loaded "$dir"; } || continue
    read -r _ _ _ of_run of_step _ <"$(mark)" && saved=$STATE/saved/$of_run,$of_step && reads_as_before && undone "$saved"
    loaded
  done
)

reads_as_before() { # is every setting of $saved as before? no, if postconf does not tell
  [ -e "$saved/settings" ] || return
  while IFS=$TAB read -r file key before after; do
    [ "$before" = "$after" ] || [ "$(setting "$file" "$key")" = "$before" ] || return
  done <"$saved/settings"
}

# A change that was put back whole is not ours any more: if it reads as ours later, somebody else has set it.
undone() { true >"$1/undone" && sync "$1/undone" "$1"; }

put_back() { # FOLDER SENTENCE: the saved bytes, after a failed act
  deadline=$((deadline + 10))
  for file in main.cf master.cf; do
    [ "$(sha "$config_dir/$file")" != "$(sha "$1/wanted/$file")" ] ||
      install_file "$1/before/$file" $file "$(sha "$1/wanted/$file")"
  done
  if reload; then saved=$1; ! reads_as_before || undone "$1"; loaded; because $FAILED "$2; put back"; else because $FAILED "$2; put back, but not reloaded"; fi
}

save() { # FOLDER: the saved bytes, the wanted bytes and the settings that differ; all or nothing
  new=$STATE/saved/.new
  rm -rf "$new" && mkdir -p "$new/before" "$new/wanted" &&
    cp -Lp "$config_dir/main.cf" "$config_dir/master.cf" "$new/before" && cp -p "$new/before/"*.cf "$new/wanted" &&
    printf '%s\n' "$settings" >"$new/settings" && echo "$config_dir" >"$new/config_dir" || return
  while IFS=$TAB read -r file key before after; do
    [ "$before" = "$after" ] || set_one "$new/wanted" "$file" "$key" "$after" || return
    [ "$(MAIL_CONFIG=$new/wanted && setting "$file" "$key")" = "$after" ] || return
  done <"$new/settings"
  sync "$new"/*/* "$new"/* "$new" && rm -rf "$1" && mv "$new" "$1" && sync "${1%/*}"
}
