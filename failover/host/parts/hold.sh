# ---- hold: waiting mail is put on hold by a selector, and let go again ----------------------------------------------
#
# It is saved like a setting: `hold sender=ann@example.net` reads `=held` while mail of our list is on hold, else `-`.
# Mail that others held before is not on our list, and mail that they hold again later is not surely ours: both stay.

selector() { # KIND=VALUE: is it one?
  case $1 in *[!A-Za-z0-9._+=@,-]*) return 1 ;; esac
  case $1 in
    sender=?*@?* | recipient=?*@?*) case $1 in *@*@* | *=-* | *,*) return 1 ;; esac ;;
    nexthop=[A-Za-z0-9]*) case ${1#*=} in *[!A-Za-z0-9.-]*) return 1 ;; esac ;;
    ids=[A-Za-z0-9]*) case ${1#*=} in *[!A-Za-z0-9,]*) return 1 ;; esac ;;
    *) return 1 ;;
  esac
}

waiting_of() { # KIND=VALUE: the ids of such mail that is not on hold; fails if the queue was not listed whole
  case $1 in ids=*) printf '%s\n' "${1#*=}" | tr , '\n'; return ;; esac
  bounded 60 postqueue -j </dev/null >"$scratch/queue" 2>/dev/null || return
  awk -v kind="${1%%=*}" -v value="${1#*=}" '
    function text(part) { match(part, /^([^"\\]|\\.)*/); return tolower(substr(part, 1, RLENGTH)) }
    BEGIN { value = tolower(value); before = kind == "sender" ? "\"sender\": \"" : "\"address\": \"" }
    index($0, "{\"queue_name\": \"hold\"") == 1 { next }
    {
      n = split($0, part, before)
      split($0, id, "\"queue_id\": \"")
      for (i = 2; i <= n; i++) {
        found = text(part[i])
        if (kind == "nexthop") sub(/.*@/, "", found)
        if (found == value) { split(id[2], of, "\""); print of[1]; break }
      }
    }' "$scratch/queue"
}

do_hold() {
  queue=$(queue_dir) && cd "$queue" || { because $REFUSED "no queue directory"; return; }
  no=$(postfix_no)
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  case $(setting hold "$what") in
    -) ;;
    =held) because $CHANGED "mail of $what is on hold by us already"; return ;;
    *) because $REFUSED "what is on hold could not be listed"; return ;;
  esac
  waiting_of "$what" >"$scratch/ids" || { because $REFUSED "the queue could not be listed whole"; return; }
  bounded 10 find incoming active deferred incoming active -type f -printf '%f %i\n' >"$scratch/there" 2>/dev/null </dev/null
  awk 'NR == FNR { wanted[$1] = 1; next } $1 in wanted' "$scratch/ids" "$scratch/there" | sort -u >"$scratch/rows"
  [ -s "$scratch/rows" ] || { because $REFUSED "nothing waits of $what"; return; }
  of_since=$(date +%s) of_queue=$queue list=$STATE/saved/$run,$step/held
  save_hold || { because $REFUSED "the list of what would be held could not be written"; return; }
  begins
  cut -d ' ' -f 1 "$scratch/rows" >"$scratch/ids" && quietly_from "$scratch/ids" postsuper -h - incoming active deferred ||
    { because $FAILED "postsuper could not put mail on hold"; return; }
  sleep 0.3 # until delivery agents have locked their files
  leave_busy || { because $FAILED "what is being delivered could not be told, or not be left alone"; return; }
  say setting hold "$what" - =held
  say held "$(on_hold sure | grep -c .)"
  say busy "$(grep -c . "$scratch/busy")"
}

save_hold() { # complete and on the disk before the hold
  new=$STATE/saved/.new to=${list%/*}
  rm -rf "$new" && mkdir -p "$new" && { printf '%s\t%s\t%s\n' "$of_since" "$config_dir" "$queue"; cat "$scratch/rows"; } >"$new/held" &&
    printf 'hold\t%s\t-\t=held\n' "$what" >"$new/settings" && echo "$config_dir" >"$new/config_dir" &&
    sync "$new"/held "$new"/settings "$new"/config_dir "$new" && rm -rf "$to" && mv "$new" "$to" && sync "${to%/*}"
}

leave_busy() { # a message that is being delivered goes on
  locks && find hold -type f -printf '%f %i\n' | awk '
    NR == FNR { busy[$1] = 1; next }
    FILENAME != "-" { if (FNR > 1) ours[$0] = 1; next }
    $0 in ours && $2 in busy { print $1 }
  ' "$scratch/locks" "$list" - >"$scratch/busy" || return
  [ ! -s "$scratch/busy" ] || bounded 30 postsuper -H - hold <"$scratch/busy" >/dev/null 2>&1
}

held() { # KIND=VALUE: `=held` while mail of our list is on hold, else `-`
  lists=$(find "$STATE/saved" -mindepth 2 -maxdepth 2 -name held ! -path '*/.*' -printf '%h\n' 2>/dev/null)
  for saved in $lists; do
    [ ! -e "$saved/undone" ] && [ "$(cut -f 2 "$saved/settings")" = "$1" ] || continue
    list=$saved/held
    IFS=$TAB read -r of_since of_dir of_queue <"$list" && found=$(on_hold sure) || return
    [ -z "$found" ] || { echo '=held'; return; }
  done
  echo -
}

let_go() { # the mail of $saved that is surely ours
  list=$saved/held
  IFS=$TAB read -r of_since of_dir of_queue <"$list" && ids=$(on_hold sure) || { because $REFUSED "what is on hold could not be listed"; return; }
  begins
  [ -z "$ids" ] || printf '%s\n' "$ids" | (export MAIL_CONFIG="$of_dir" && bounded 30 postsuper -H - hold) >/dev/null 2>&1
  still=$(on_hold sure) && [ -z "$still" ] || { because $FAILED "mail that failover put on hold cannot be released"; return; }
  undone "$saved"
  say restored hold settings
  say released "$(counted "$ids")"
  quietly 15 postqueue -f || : # Postfix tries it at its next queue run in any case
}
