# ---- config: main.cf and master.cf, changed on copies, put in only over the bytes that were read --------------------

set_one() { # FOLDER FILE KEY VALUE: in the copies of main.cf and master.cf there
  case $2:$3 in main.cf:*) how=-e not=-X ;; *:*/*/*) how=-P not=-PX ;; *) how=-M not=-MX ;; esac
  case $4 in
    -) quietly 5 postconf -c "$1" $not "$3" ;;
    *) quietly 5 postconf -c "$1" $how "$3$4" ;;
  esac
}

install_file() { # NEW NAME SHA: in place of NAME while it still has that digest; owner and mode stay, a link is followed
  real=$(readlink -f "$config_dir/$2")
  cp "$1" "$real.failover" && chown --reference="$real" "$real.failover" && chmod --reference="$real" "$real.failover" &&
    sync "$real.failover" && [ "$(sha "$real")" = "$3" ] && mv -f "$real.failover" "$real" && sync "${real%/*}" && return
  rm -f "$real.failover"
  return 1
}

qmgr_pid() { for pid in $(children "$(master_pid)"); do grep -qx '[no]*qmgr' "/proc/$pid/comm" 2>/dev/null && echo "$pid"; done; }

reload() { # and wait until the old queue manager is gone: from then on nothing starts by the old configuration
  old=$(qmgr_pid)
  quietly 15 postfix reload || return
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    new=$(qmgr_pid)
    [ -z "$new" ] || [ "$new" = "$old" ] || return 0
    sleep 0.2
  done
  return 1
}
put_back() { # FOLDER SENTENCE: of saved bytes; the act failed, and says so
  deadline=$((deadline + 10))
  for file in main.cf master.cf; do
    [ "$(sha "$config_dir/$file")" != "$(sha "$1/wanted/$file")" ] ||
      install_file "$1/before/$file" $file "$(sha "$1/wanted/$file")"
  done
  if quietly 15 postfix reload; then because $FAILED "$2; put back"; else because $FAILED "$2; put back, but not reloaded"; fi
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
