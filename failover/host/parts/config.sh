# ---- config: main.cf and master.cf, changed on copies, put in only over the bytes that were read --------------------

set_one() { # FOLDER FILE KEY VALUE: in the copies of main.cf and master.cf there
  case $2:$3 in main.cf:*) how=-e not=-X ;; *:*/*/*) how=-P not=-PX ;; *) how=-M not=-MX ;; esac
  case $4 in
    -) quietly 5 postconf -c "$1" $not "$3" ;;
    *) quietly 5 postconf -c "$1" $how "$3$4" ;;
  esac
}

# A file is replaced by rename, so nobody ever reads half of it. What cannot be replaced so is not touched.
fixed() { # FILE: why it cannot be replaced, or nothing
  real=$(readlink -f "$config_dir/$1")
  if [ ! -f "$real" ]; then echo "$real is no file"
  elif cut -d ' ' -f 5 /proc/self/mountinfo | grep -qxF -e "$real"; then echo "$real is a mount of its own, which cannot be replaced: edit where it comes from"
  elif [ "$(stat -c %h "$real")" != 1 ]; then echo "$real has several names (hard links), and replacing it would part them"
  elif ! (true >>"$real") 2>/dev/null; then echo "$real cannot be written: it is immutable, or its file system read-only"
  else case $(bounded 2 lsattr -d "$real" 2>/dev/null) in [!\ ]*[ia]*' /'*) echo "$real is immutable or append-only (chattr)" ;; esac
  fi
}

cramped() { # FOLDER...: which one has no room for what we write, or for what Postfix writes at a reload; or nothing
  for folder; do
    set -- $(stat -f -c '%a %S %d %c' "$folder" 2>/dev/null)
    [ $# -eq 4 ] || { echo "the file system of $folder cannot be read"; return; }
    [ $(($1 * $2 / 1024)) -ge 1024 ] || { echo "no space is left at $folder"; return; }
    [ "$4" -eq 0 ] || [ "$3" -ge 50 ] || { echo "no inodes are left at $folder"; return; }
  done
}

install_file() { # NEW NAME SHA: in place of NAME while it still has that digest; all else that the file has stays, a link is followed
  real=$(readlink -f "$config_dir/$2")
  rm -f "$real.failover" && cp -a --attributes-only "$real" "$real.failover" && cat "$1" >"$real.failover" &&
    sync "$real.failover" && [ "$(sha "$real")" = "$3" ] && mv -f "$real.failover" "$real" && sync "${real%/*}" && return
  rm -f "$real.failover"
  return 1
}

qmgr_pid() { for pid in $(children "$(master_pid)"); do grep -qx '[no]*qmgr' "/proc/$pid/comm" 2>/dev/null && echo "$pid"; done; }

reload() { # and wait until the old queue manager is gone: from then on nothing starts by the old configuration
  old=$(qmgr_pid)
  quietly 15 postfix reload || return
  until new=$(qmgr_pid); [ -n "$new" ] && [ "$new" != "$old" ]; do
    [ "$(left_s)" -gt 3 ] || return 1
    sleep 0.2
  done
  rm -f "$STATE/unloaded"
}

# Between a changed file and its reload, Postfix runs with what was there before. Should we die there, or Postfix refuse,
# this mark says that the files are not yet what is in force.
changes_files() { echo "$(cat /proc/sys/kernel/random/boot_id) $(uptime_s) $config_dir" | put "$STATE/unloaded"; }

unloaded() { # does Postfix run with what was there before? Not where a later start, somebody's or ours, took it up
  read -r boot since dir 2>/dev/null <"$STATE/unloaded" && [ "$dir" = "$config_dir" ] &&
    [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && old=$(qmgr_pid) && [ -n "$old" ] || return 1
  set -- $(sed 's/.*) //' "/proc/$old/stat") # its start is the 22nd field, in ticks of 10 ms: proc(5)
  [ $((${20} / 100)) -le "$since" ]
}
UNLOADED='Postfix did not take up what is in main.cf and master.cf: see what postfix reload says'

load() { # what an act that died left to be taken up
  read -r _ _ dir 2>/dev/null <"$STATE/unloaded" || return 0
  (config_dir=$dir && export MAIL_CONFIG="$dir" && { ! unloaded || reload; }) && rm -f "$STATE/unloaded"
}

put_back() { # FOLDER SENTENCE: of saved bytes; the act failed, and says so
  deadline=$((deadline + 10))
  for file in main.cf master.cf; do
    [ "$(sha "$config_dir/$file")" != "$(sha "$1/wanted/$file")" ] ||
      install_file "$1/before/$file" $file "$(sha "$1/wanted/$file")"
  done
  if reload; then because $FAILED "$2; put back"; else because $FAILED "$2; put back, but not reloaded"; fi
}

save() { # FOLDER: saved bytes, the wanted bytes, and the settings between them; whole or not there
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
