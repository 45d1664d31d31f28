# ---- bypass: take a filter out of the path, and put it back ---------------------------------------------------------

do_bypass() {
  read_config || { because $REFUSED "$UNSAID"; return; }
  no=$(postfix_no)
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  no=$(lever_no "$lever" "$filter")
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  settings=$(lever_settings "$lever" "$filter") entry=$(setting master.cf "$filter/unix")
  [ "$(printf '%s\n' "$settings" | cut -f 1-3 | sha256sum | cut -c 1-64)" = "$expect" ] ||
    { because $CHANGED "the settings do not read as planned"; return; }
  [ "$lever" = clear ] || reaches "$(printf '%s\n' "$settings" | cut -f 4)" || return
  to=$STATE/saved/$run,$step
  all_said && ( set +f; save "$to" ) || { because $REFUSED "the changed configuration could not be prepared"; return; }
  changes_files "$run" "$step" || { rm -rf "$to"; return $REFUSED; }
  begins
  for file in main.cf master.cf; do
    cmp -s "$to/before/$file" "$to/wanted/$file" ||
      install_file "$to/wanted/$file" $file "$(sha "$to/before/$file")" ||
      { put_back "$to" "$file was edited at this moment, or could not be written"; return; }
  done
  read_by_postfix || { put_back "$to" "Postfix cannot read the changed configuration, or not in time"; return; }
  reload || { put_back "$to" "Postfix did not take up the changed configuration"; return; }
  loaded
  printf '%s\n' "$settings" | sed "s/^/setting\t/"
  digests
  [ "$lever" = pass ] || end_sessions "$filter"
  end_waiting "$filter"
  [ "$lever" != pass ] || [ $ended -eq 0 ] || flushed || : # deferred by that: let it go the new way at once
  still_left "$filter" "$(entry_kind "${entry#=}")" "$(entry_command "${entry#=}")"
}

reaches() { # ENTRY: refuses a way that does not answer
  back=${1##*smtp_fallback_relay=} back=${back%% *}
  case $1 in *smtp_fallback_relay=*) ;; *) return 0 ;; esac
  talk=$TALK
  told=$(dial back '250*' EHLO "$back" | cut -f 2,4)
  case $told in ok*) ;; *) because $REFUSED "$back, which takes mail back from the filter, does not answer: ${told#*"$TAB"}" ;; esac
}

do_restore() {
  saved=$STATE/saved/$of_run,$of_step rc=0
  [ -e "$saved/settings" ] || { because $REFUSED "nothing was saved here for $of_run, $of_step: nothing to put back"; return; }
  config_dir=$(cat "$saved/config_dir") && MAIL_CONFIG=$config_dir || { because $REFUSED "$saved cannot be read"; return; }
  no=$([ -z "${SUDO_UID-}" ] || config_no "$config_dir") # it was permitted at the change, so it may go back
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  while IFS=$TAB read -r file key before after; do
    now=$(setting "$file" "$key") || { because $REFUSED "$UNSAID: nothing was touched"; return; }
    ! put_back_whole "$config_dir" || after=$before
    case $now in "$before" | "$after") ;; *) say conflict "$file" "$key" "$now" "$after"; rc=$CHANGED ;; esac
  done <"$saved/settings"
  [ $rc -eq 0 ] || { because $rc "somebody else changed our setting: nothing was touched"; return; }
  [ ! -e "$saved/held" ] || { let_go; return; }
  no=$(unwritable)
  [ -z "$no" ] || { because $REFUSED "$no: nothing was touched"; return; }
  changes_files "$of_run" "$of_step" || return
  begins
  for file in main.cf master.cf; do
    restore_file $file || { because $FAILED "$file was edited at this moment, or could not be written"; return; }
  done
  digests
  master_pid >/dev/null
  case $? in 0) ;; 1) undone "$saved"; loaded; return 0 ;; *) because $FAILED "restored, but not reloaded: $UNSEEN"; return ;; esac
  read_by_postfix || { because $FAILED "restored, but Postfix cannot read it, or not in time: it is not loaded"; return; }
  reload || { because $FAILED "restored, but Postfix did not take it up"; return; }
  undone "$saved"
  loaded
}

unwritable() { # why a change of $saved that still stands cannot be put back, or nothing
  ours=$(while IFS=$TAB read -r file key before after; do
    [ "$before" = "$after" ] || [ "$(setting "$file" "$key")" = "$before" ] || echo "$file"
  done <"$saved/settings" | sort -u)
  [ -z "$ours" ] || { for file in $ours; do fixed "$file"; done; cramped "$config_dir" "$(queue_dir)"; } | head -n 1
}

restore_file() { # FILE: the saved bytes if nobody else edited it, else only our settings
  have=$(sha "$config_dir/$1")
  case $have in
    "$(sha "$saved/before/$1")") say restored "$1" nothing; return ;;
    "$(sha "$saved/wanted/$1")") install_file "$saved/before/$1" "$1" "$have" && say restored "$1" bytes; return ;;
  esac
  cp -L "$config_dir/main.cf" "$config_dir/master.cf" "$scratch" && how_much=nothing || return
  while IFS=$TAB read -r file key before after; do
    [ "$file" = "$1" ] && [ "$before" != "$after" ] && [ "$(setting "$file" "$key")" = "$after" ] || continue
    set_one "$scratch" "$file" "$key" "$before" && how_much=settings || return
  done <"$saved/settings"
  all_said || return
  [ $how_much = nothing ] || install_file "$scratch/$1" "$1" "$have" || return
  say restored "$1" $how_much
}
