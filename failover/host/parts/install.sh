# ---- install: the helper as root's file, one line of sudoers, perhaps a forced command ------------------------------

INSTALLED=/usr/local/sbin/failover-host
SUDOERS=/etc/sudoers.d/failover

sudoers_line() { echo "$1 ALL=(root) NOPASSWD: $INSTALLED"; }
forced_line() { echo "restrict,command=\"$INSTALLED forced\" ${public%%:*} ${public#*:} failover"; }
owned() { stat -c '%U:%G %a' "$1" 2>/dev/null; }
ours() { sed -n 2p "$INSTALLED" | grep -q '^# failover-host: '; }
allowed() { quietly 5 sudo -n -l -U "$user" "$INSTALLED"; }
home_of() { getent passwd "$1" | cut -d : -f 6; }

sudoers_user() { # the user of our line; `-` there is no file, `?` it is somebody else's
  [ -e "$SUDOERS" ] || { echo -; return; }
  found=$(sed -n "s,^\([a-z0-9_-]*\) ALL=.*,\1,p" "$SUDOERS")
  if [ "$(cat "$SUDOERS")" = "$(sudoers_line "$found")" ]; then echo "$found"; else echo '?'; fi
}

# A user's file is read and written as that user: root follows no link in another user's folder.
as_user() { bounded 5 runuser -u "$user" -- "$@"; }
their_keys() { as_user cat "$(home_of "$user")/.ssh/authorized_keys" </dev/null 2>/dev/null; }
lines_of_key() { their_keys | awk -v key="${public#*:}" '!/^#/ { for (i = 1; i <= NF; i++) if ($i == key) { print; next } }'; }
their_keys_with() { # FILE: the user's keys, with these lines in place of those of our key
  their_keys | awk -v key="${public#*:}" '!/^#/ { for (i = 1; i <= NF; i++) if ($i == key) next } { print }' | cat "$1" -
}
write_keys() { # stdin becomes their authorized_keys
  as_user sh -c 'umask 077 && mkdir -p "$1" && cd "$1" && cat >authorized_keys.new && sync authorized_keys.new &&
    mv -f authorized_keys.new authorized_keys' sh "$(home_of "$user")/.ssh"
}

how_key() { # the key there: forced (by our line alone), otherwise, absent
  found=$(lines_of_key)
  case $found in '') echo absent ;; "$(forced_line)") echo forced ;; *) echo otherwise ;; esac
}

permits_ours() { [ ! -L "$PERMITS" ] && head -n 1 "$PERMITS" 2>/dev/null | grep -q '^# failover-host: '; }
permits_listed() { permits_ours && sed 1d "$PERMITS"; }

last_results() {
  find "$STATE/results" -type f ! -name '*.tmp' -printf '%T@\t%f\n' 2>/dev/null | sort -rn | head -n 5 | while IFS=$TAB read -r at name; do
    IFS=$TAB read -r word stored <"$STATE/results/$name"
    say result "$name" "$word" "$stored" "${at%%.*}"
  done
}

do_installed() { # the state for install; changes nothing
  if ! [ -e "$INSTALLED" ]; then say helper absent
  elif ! ours; then say helper other
  else say helper "$(sed -n 's/^VERSION=//p' "$INSTALLED")" "$(sha "$INSTALLED")" "$(owned "$INSTALLED")"
  fi
  if command -v sudo >/dev/null && command -v visudo >/dev/null; then say sudo yes; else say sudo no; fi
  say sudoers "$(sudoers_user)" "$(owned "$SUDOERS")"
  if [ -n "$user" ]; then
    if getent passwd "$user" >/dev/null; then say user "$user" "$(home_of "$user")"; else say user absent; fi
    if allowed; then say may yes; else say may no; fi
    [ -z "$public" ] || say key "$(how_key)"
    say keys_file "$(bounded 5 sshd -T -C "user=$user,host=localhost,addr=127.0.0.1" 2>/dev/null </dev/null | sed -n 's/^authorizedkeysfile //p')"
  fi
  if ! permits_there; then say permits absent
  elif ! permits_ours; then say permits other
  else say permits ours "$(owned "$PERMITS")"
  fi
  permits_listed | sed 's/^/permit\t/'
  say version $VERSION
  say epoch "$(highest_epoch)"
  [ -z "$unbelieved" ] || say unbelieved "$unbelieved"
  say state "$(du -sb "$STATE" 2>/dev/null | cut -f 1)"
  last_results
  in_force | sed 's/^/force\t/'
  debts | sed 's/^/debt\t/'
  [ ! -e "$STATE/resets" ] || tail -n 3 "$STATE/resets" | sed 's/^/reset\t/'
}

only_sent() { # only in root's session: a user of the helper must not be able to replace it
  [ "$0" = failover-host ] && [ -z "${SUDO_UID-}" ] || { because $NOT_PERMITTED "$verb is not asked of the helper: root sends it"; return; }
}

do_install() { # installs the text that runs; parts that are in place stay untouched
  only_sent || return
  [ "$(printf '%s\n' "${text-}" | sha256sum | cut -d ' ' -f 1)" = "$digest" ] ||
    { because $REFUSED "the text that arrived is not the one that was meant"; return; }
  no=$(install_no)
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  lock 10 || return
  put_permits && put_helper && put_sudoers || return
  [ "$forced" = no ] || put_key
}

install_no() { # the sentence that forbids it, or nothing
  getent passwd "$user" >/dev/null || { echo "there is no user $user"; return; }
  [ "$(id -u "$user")" -ne 0 ] || { echo "$user is root already"; return; }
  command -v visudo >/dev/null || { echo "sudo is not installed"; return; }
  [ ! -e "$INSTALLED" ] || ours || { echo "$INSTALLED is somebody else's file"; return; }
  [ "$(sudoers_user)" != '?' ] || { echo "$SUDOERS holds more or other than our one line"; return; }
  ! permits_there || permits_ours || { echo "$PERMITS is somebody else's"; return; }
  [ "$forced" = no ] || [ -n "$public" ] || echo "a forced command is for a key, and none was named"
}

put_helper() {
  [ "$(owned "$INSTALLED") $(sha "$INSTALLED" 2>/dev/null)" != "root:root 755 $digest" ] || { say did helper same; return; }
  printf '%s\n' "$text" >"$INSTALLED.new" && chown root:root "$INSTALLED.new" && chmod 755 "$INSTALLED.new" &&
    sync "$INSTALLED.new" && mv -f "$INSTALLED.new" "$INSTALLED" && sync "${INSTALLED%/*}" &&
    [ "$(sha "$INSTALLED")" = "$digest" ] || { rm -f "$INSTALLED.new"; because $FAILED "$INSTALLED could not be written whole"; return; }
  say did helper installed
}

put_permits() { # before the helper, which reads it
  [ -n "$permits" ] || return 0
  if [ "$(owned "$PERMITS") $(permits_listed | tr '\n' ,)" = "root:root 644 $permits," ]; then say did permits same; return; fi
  rm -f "$PERMITS.new" && {
    echo "# failover-host: what $user may name to it, by sudo; failover host install writes it"
    printf '%s\n' "$permits" | tr , '\n'
  } >"$PERMITS.new" && chown root:root "$PERMITS.new" && chmod 644 "$PERMITS.new" && sync "$PERMITS.new" &&
    mv -fT "$PERMITS.new" "$PERMITS" && sync "${PERMITS%/*}" ||
    { rm -f "$PERMITS.new"; because $FAILED "$PERMITS could not be written whole"; return; }
  say did permits written
}

put_sudoers() { # sudo ignores a file with a dot in its name, so it is not in force until it is checked
  line=$(sudoers_line "$user") new=$SUDOERS.new
  if [ "$(sudoers_user) $(owned "$SUDOERS")" = "$user root:root 440" ] && allowed; then say did sudoers same; return; fi
  echo "$line" >"$new" && chown root:root "$new" && chmod 440 "$new" && quietly 5 visudo -cf "$new" ||
    { rm -f "$new"; because $FAILED "visudo refuses: $line"; return; }
  was=$(cat "$SUDOERS" 2>/dev/null)
  sync "$new" && mv -f "$new" "$SUDOERS" && sync "${SUDOERS%/*}" && quietly 5 visudo -c && allowed ||
    { sudoers_back; because $FAILED "with it sudo is wrong as a whole, or does not let $user in; put back"; return; }
  say did sudoers installed
}

sudoers_back() {
  rm -f "$SUDOERS.new" "$SUDOERS"
  [ -z "$was" ] || { echo "$was" >"$SUDOERS.new" && chmod 440 "$SUDOERS.new" && mv -f "$SUDOERS.new" "$SUDOERS"; }
}

put_key() { # the earlier lines of the key are kept, for remove
  [ "$(how_key)" != forced ] || { say did key same; return; }
  kept=$STATE/keys/$user,$(printf %s "$public" | sha256sum | cut -c 1-16)
  mkdir -p "$STATE/keys" && { echo "$user $public"; lines_of_key; } | put "$kept" && forced_line >"$scratch/line" &&
    their_keys_with "$scratch/line" >"$scratch/keys" && write_keys <"$scratch/keys" && [ "$(how_key)" = forced ] ||
    { because $FAILED "authorized_keys of $user could not be written"; return; }
  say did key installed
}

do_remove() { # undo install: the key's earlier lines come back; the state stays, unless asked for
  only_sent || return
  lock 10 || return
  discharge
  owed=$(standing) && [ -z "$owed" ] || { because $REFUSED "still owed here: $(printf %s "$owed" | tr '\n' ';')"; return; }
  find "$STATE/keys" -type f ! -name '*.tmp' 2>/dev/null | sort >"$scratch/kept"
  while read -r kept; do take_key || { because $FAILED "authorized_keys of $user could not be written"; return; }; done <"$scratch/kept"
  case $(sudoers_user) in
    -) say did sudoers absent ;;
    '?') say did sudoers left ;;
    *) rm -f "$SUDOERS" && say did sudoers removed ;;
  esac
  if ! [ -e "$INSTALLED" ]; then say did helper absent
  elif ours; then rm -f "$INSTALLED" && say did helper removed
  else say did helper left
  fi
  ! permits_ours || { rm -f "$PERMITS" && say did permits removed; }
  [ "$purge" = no ] || purge
}

take_key() { # the earlier lines replace ours; another line now is somebody's edit
  read -r user public <"$kept"
  if [ "$(how_key)" = forced ]; then
    sed 1d "$kept" >"$scratch/line"
    their_keys_with "$scratch/line" >"$scratch/keys" && write_keys <"$scratch/keys" || return
    say did key removed "$user"
  else
    say did key left "$user"
  fi
  rm -f "$kept"
}
