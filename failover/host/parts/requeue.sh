# ---- requeue: mail that is fixed to a filter goes through cleanup again ---------------------------------------------

# A requeue moves the file away even under a delivery, and the queue manager may start one at any moment (a flush
# overrides defer_transports). So mail is put on hold first, where no delivery begins. A locked file is being delivered,
# one without a recipient has been; the rest is requeued.
do_requeue() {
  read_config || { because $REFUSED "$UNSAID"; return; }
  met=$(pickup_filter) twice=$(again_in_cleanup | head -n 1 | cut -f 1)
  [ -z "$met" ] || { because $REFUSED "requeued mail would meet $met again at pickup"; return; }
  [ -z "$twice" ] || { because $REFUSED "requeued mail goes through cleanup again, and ${twice##*/} would be applied again"; return; }
  no=$(postfix_no)
  [ -z "$no" ] || { because $REFUSED "$no: nothing would take up what is requeued"; return; }
  queue=$(queue_dir) && cd "$queue" || { because $FAILED "no queue directory"; return; }
  list=$STATE/held/$run,$step,$attempt of_since=0 of_dir=$config_dir of_queue=$queue
  total=0 passes=0 none=0 held=0 sessions=0 stop=
  true >"$scratch/ids" && holding || { because $REFUSED "$STATE/held cannot be written, or a postsuper of ours is still at work"; return; }
  begins
  while [ -z "$stop" ] && more_may_come && [ "$(left_s)" -gt 3 ]; do
    passes=$((passes + 1)) none=$((none + 1)) held=0
    end_sessions "$filter"
    frozen_files "$filter" >/dev/null && awk '{ print $3, $1 }' "$scratch/frozen" >"$scratch/ids" ||
      { stop=$(unread_queue); break; }
    while [ -z "$stop" ] && [ -s "$scratch/ids" ] && [ "$(left_s)" -gt 3 ]; do requeue_some; done
    [ $held -eq 0 ] || end_waiting "$filter" >/dev/null
    sleep 0.2
  done
  exec 8>&-
  [ $passes -gt 0 ] || stop="no time was left to read the queue"
  [ ! -e "$list" ] || held=0
  still=$(still_held) held=$((held + still))
  say requeued $total
  at_least 3
  if [ -z "$stop" ] && waiting=$(still_waiting); then say left $((waiting + still)); else say left unknown; fi
  say passes $passes
  say held $held
  say sessions $sessions
  [ -z "$stop" ] || because $FAILED "$stop"
}

still_waiting() { # the number of the last read files that are still in the queue; postsuper is not asked
  found=$(bounded 10 find incoming active deferred incoming active -ignore_readdir_race -type f -printf '%i %f\n' </dev/null 2>/dev/null) || return
  printf '%s\n' "$found" | sort -u | awk 'FILENAME != "-" { read[$1 " " $3] = 1; next } $0 in read { n++ } END { print n + 0 }' "$scratch/frozen" -
}

more_may_come() { # mail on its way when we looked, or of an open session with the old settings
  [ $none -lt 2 ] || { [ "$sessions" -gt 0 ] && [ "$(left_s)" -gt $((limit - SESSIONS_S)) ] && sleep 1; }
}

taken() { head -n "$1" "$2" >"$3" && tail -n "+$(($1 + 1))" "$2" >"$3.rest" && mv -f "$3.rest" "$2"; } # N FROM TO: its first lines

requeue_some() { # the first `ID INODE` rows of $scratch/ids
  list_some || { stop="the list of what would be held could not be written: nothing was held"; return; }
  hold_and_sort || stop=${stop:-"$scratch cannot be written"}
  [ -n "$stop" ] || send_through
  spare=$deadline
  at_least 5
  discharge_one any || stop=${stop:-"mail that we put on hold could not be released"}
  deadline=$spare
}

list_some() { # complete and on the disk before the hold; mail that others hold is never let go by us
  taken 1000 "$scratch/ids" "$scratch/some" && of_since=$(date +%s) && find hold -type f -printf '%f\n' >"$scratch/theirs" &&
    { printf '%s\t%s\t%s\n' "$of_since" "$config_dir" "$queue" && awk 'FILENAME ~ /theirs$/ { theirs[$1] = 1; next } !($1 in theirs)' \
      "$scratch/theirs" "$scratch/some"; } >"$scratch/list" &&
    sed 1d "$scratch/list" | cut -d ' ' -f 1 >"$scratch/moving" && put "$list" <"$scratch/list" && cmp -s "$scratch/list" "$list"
}

hold_and_sort() { # into $scratch/go the ids without a delivery and with a recipient
  bounded 30 postsuper -h - incoming active deferred <"$scratch/moving" >/dev/null 2>&1 || { stop="postsuper could not put mail on hold"; return; }
  sleep 0.3 # a delivery agent locks what it has opened
  locks || { stop="/proc/locks does not show who is delivering what"; return; }
  found=$(find hold -type f -printf '%f %i %p\n') || return
  printf '%s\n' "$found" | awk '
    FILENAME ~ /locks$/ { busy[$1] = 1; next }
    FILENAME != "-" { if (FNR > 1) ours[$1 " " $2] = 1; next }
    !(($1 " " $2) in ours) { next }
    $2 in busy { print $1 > "/dev/stderr"; next }
    { print $3 }
  ' "$scratch/locks" "$list" - >"$scratch/free" 2>"$scratch/busy" || return
  held=$((held + $(grep -c . "$scratch/busy")))
  bounded 60 xargs -r -n 200 postcat -e <"$scratch/free" 2>/dev/null | awk '
    /^\*\*\* ENVELOPE RECORDS / { n = split($4, at, "/"); id = at[n]; next }
    /^recipient: / && id != "" { print id; id = "" }
  ' >"$scratch/go"
}

# The locked inodes. Read twice, since a read may miss a lock while others change. The lock of the running master, on its
# pid file, must be in the list: else this is the list of another namespace. Only inodes on the device of that pid file
# count: another file system may have the same number (master.lock below /var/lib, measured), and its lock would count as
# a delivery that never ends.
locks() {
  cat /proc/locks /proc/locks >"$scratch/proc" && inode=$(stat -c %i pid/master.pid) &&
    devices=$(stat -c %d pid/master.pid hold | sort -u | grep -c .) || return
  sed -n 's/.* \([0-9a-f]*:[0-9a-f]*\):\([0-9]*\) .*/\1 \2/p' "$scratch/proc" >"$scratch/locked" || return
  awk -v inode="$inode" -v devices="$devices" '
    NR == FNR { if ($2 == inode) here[$1] = found = 1; next }
    devices > 1 || $1 in here { print $2 }
    END { exit !found }
  ' "$scratch/locked" "$scratch/locked" >"$scratch/locks"
}

send_through() { # in batches, each when pickup (one process) has taken the last
  while [ -z "$stop" ] && [ -s "$scratch/go" ] && [ "$(left_s)" -gt 2 ]; do
    taken "$batch" "$scratch/go" "$scratch/batch" || { stop="$scratch cannot be written"; return; }
    bounded 30 postsuper -r - hold <"$scratch/batch" >/dev/null 2>&1 || stop="postsuper could not requeue"
    moved=$(gone_from_hold) || { stop="hold cannot be listed"; return; }
    total=$((total + moved))
    [ "$moved" -eq 0 ] || none=0
    quietly 5 postkick public pickup W
    while [ "$(find maildrop -type f | wc -l)" -gt "$batch" ] && [ "$(left_s)" -gt 2 ]; do sleep 0.1; done
  done
}

gone_from_hold() { # the number of $scratch/batch that has left; postsuper is not asked
  found=$(find hold -ignore_readdir_race -type f -printf '%f\n') || return
  printf '%s\n' "$found" | awk 'FILENAME == "-" { held[$1] = 1; next } !($1 in held) { n++ } END { print n + 0 }' - "$scratch/batch"
}
