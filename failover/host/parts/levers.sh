# ---- levers: how a content filter is wired, and by which lever it may be taken out ----------------------------------

filters() { places | cut -f 2 | sed -n 's/^\([^:]\{1,\}\):*/\1\t/p' | sort -u; } # NAME DESTINATION, distinct

pickup_filter() { # what mail that comes by pickup meets
  places | awk -F '\t' '$1 == "main" { f = $2 } $1 == "pickup/unix" { p = $2; own = 1 } END { print own ? p : f }'
}

bcc() { # PARAMETER VALUE: each would be added again when mail goes through cleanup again
  for key in always_bcc sender_bcc_maps recipient_bcc_maps; do
    { ask -xn "$key"; ask -xP "*/*/$key"; } | sed -n 's/ = */\t/p' | awk -F '\t' '$2 != ""'
  done
}

entry_kind() { set -- $1; case ${8-} in pipe | smtp | lmtp) echo "$8" ;; *) echo other ;; esac; }
entry_command() { case $1 in *' argv='*) set -- ${1#* argv=}; echo "${1##*/}" ;; esac; }

passing() { # ENTRY: the same transport, handing on without the filter
  again='/usr/sbin/sendmail -oi -f ${sender} -- ${recipient}'
  case $(entry_kind "$1") in
    pipe)
      case $(entry_command "$1") in sendmail) printf '%s\n' "$1"; return ;; esac
      case $1 in *' argv='*' -e /'*'/sendmail '*) again=${1#* argv=* -e } ;; esac # the administrator's own hand-over
      printf '%s\n' "${1%% argv=*} argv=$again" ;;
    *) # pipe(8) needs root and no chroot; nobody is as good a user as any to submit mail
      set -- $1
      printf '%s\n' "$1 $2 $3 n n $6 $7 pipe user=nobody null_sender= argv=$again" ;;
  esac
}

lever_no() { # LEVER NAME: the sentence that forbids it, or nothing
  entry=$(setting master.cf "$2/unix") kind=$(entry_kind "${entry#=}")
  [ "$entry" != - ] || { echo "master.cf has no service $2/unix"; return; }
  [ "$1" = pass ] || return 0
  [ "$kind" != other ] || { echo "$2/unix is neither pipe nor smtp nor lmtp"; return; }
  if [ "$kind" != pipe ] || [ -n "$(pickup_filter)" ]; then # mail would come back by another way than it does now
    twice=$(bcc | head -n 1 | cut -f 1)
    [ -z "$twice" ] || echo "mail would go through cleanup once more than now, and $twice would add its recipient again"
  fi
}

lever_settings() { # LEVER NAME: FILE KEY BEFORE AFTER, in the order of the change
  case $1 in
    pass)
      before=$(setting master.cf "$2/unix")
      say master.cf "$2/unix" "$before" "=$(passing "${before#=}")"
      [ -z "$(pickup_filter)" ] ||
        say master.cf pickup/unix/content_filter "$(setting master.cf pickup/unix/content_filter)" = ;;
    clear)
      places | while IFS=$TAB read -r place value; do
        case $value in "$2" | "$2":*) ;; *) continue ;; esac
        case $place in main) file=main.cf key= ;; *) file=master.cf key=$place/ ;; esac
        say $file "${key}content_filter" "$(setting $file "${key}content_filter")" =
      done
      before=$(setting main.cf defer_transports) after="=$2"
      case $before in =?*) after="$before $2" ;; esac
      case " $(printf %s "${before#?}" | tr , ' ') " in *" $2 "*) after=$before ;; esac
      say main.cf defer_transports "$before" "$after" ;;
  esac
}
do_filter_read() {
  found=$(places) names=$(filters) milters=$(ask -xh smtpd_milters)
  case "${names:+f}${milters:+m}" in f*) say wiring content_filter ;; m) say wiring milter ;; *) say wiring none ;; esac
  [ -z "$found" ] || printf '%s\n' "$found" | while IFS=$TAB read -r place value; do say place "$place" "$value"; done
  say milters "$milters"
  [ -z "$filter" ] || names=$(printf '%s\n' "$names" | grep "^$filter$TAB" || echo "$filter$TAB")
  [ -z "$names" ] || printf '%s\n' "$names" | while IFS=$TAB read -r name to; do say filter "$name" "$to"; done
  say pickup "$(pickup_filter)"
  bcc | while IFS=$TAB read -r key value; do say bcc "$key" "$value"; done
  digests
  names=$(printf '%s\n' "$names" | cut -f 1 | sort -u)
  case $names in '' | *[!A-Za-z0-9._-]*) return ;; esac # none, or several: the caller names one
  entry=$(setting master.cf "$names/unix")
  if [ "$entry" != - ]; then
    say service "$names/unix" "${entry#=}"
    say kind "$(entry_kind "${entry#=}")"
    say command "$(entry_command "${entry#=}")"
  fi
  for lever in pass clear; do
    no=$(lever_no $lever "$names")
    say lever $lever ${no:+no} "${no:-ok}"
    [ -n "$no" ] || lever_settings $lever "$names" | sed "s/^/setting\t$lever\t/"
  done
}
