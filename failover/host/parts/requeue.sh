# ---- requeue: mail that is fixed to a filter goes through cleanup again ---------------------------------------------

# Requeueing moves the file away under whoever delivers it, and the queue manager may start a delivery at any
# moment (a flush overrides defer_transports). So: onto hold first, where nothing new begins; then what is
# locked is being delivered, and what has no recipient left has been; the rest is ours to requeue.
do_requeue() {
  met=$(pickup_filter) twice=$(bcc | head -n 1 | cut -f 1)
  [ -z "$met" ] || { because $REFUSED "requeued mail would meet $met again at pickup"; return; }
  [ -z "$twice" ] || { because $REFUSED "requeued mail goes through cleanup again, and $twice would add its recipient again"; return; }
  cd "$(queue_dir)" || { because $FAILED "no queue directory"; return; }
  total=0 passes=0 none=0 held=0 whole=yes
  : >"$scratch/ids"
  begins
  while [ $none -lt 2 ] && [ "$(left_s)" -gt 3 ]; do
    passes=$((passes + 1)) none=$((none + 1)) held=0
    frozen_files "$filter" >/dev/null || { whole=no; break; }
    cut -d ' ' -f 3 "$scratch/frozen" >"$scratch/ids"
    while [ -s "$scratch/ids" ] && [ "$(left_s)" -gt 3 ]; do
      head -n 1000 "$scratch/ids" >"$scratch/some" && sed -i 1,1000d "$scratch/ids"
      requeue_some
    done
    [ $held -eq 0 ] || end_waiting "$filter" >/dev/null
    sleep 0.2
  done
  say requeued $total
  case $whole in yes) say left $(($(grep -c . "$scratch/ids") + held)) ;; *) say left unknown ;; esac
  say passes $passes
  say held $held
  [ $whole = yes ] || [ $passes -gt 1 ] || because $FAILED "the queue could not be read whole in time"
}

requeue_some() { # the ids in $scratch/some
  find hold -type f -printf '%f\n' >"$scratch/theirs" # held by others: never ours to release
  grep -vxF -f "$scratch/theirs" "$scratch/some" | put "$STATE/moving"
  quietly_from "$STATE/moving" postsuper -h - incoming active deferred
  sleep 0.3 # a delivery agent locks what it has opened
  cat /proc/locks /proc/locks >"$scratch/locks"
  find hold -type f -printf '%i %f %p\n' | awk '
    FILENAME ~ /locks$/ { n = split($0, f, ":"); split(f[n], i, " "); busy[i[1]] = 1; next }
    FILENAME ~ /moving$/ { ours[$1] = 1; next }
    $2 in ours && $1 in busy { print $2 > "/dev/stderr"; next }
    $2 in ours { print $3 }
  ' "$scratch/locks" "$STATE/moving" - >"$scratch/free" 2>"$scratch/busy"
  held=$((held + $(grep -c . "$scratch/busy")))
  bounded 60 xargs -r -n 200 postcat -e <"$scratch/free" 2>/dev/null | awk '
    /^\*\*\* ENVELOPE RECORDS / { n = split($4, at, "/"); id = at[n]; next }
    /^recipient: / && id != "" { print id; id = "" }
  ' >"$scratch/go"
  while [ -s "$scratch/go" ] && [ "$(left_s)" -gt 2 ]; do # in batches, each when pickup (one process) has taken the last
    head -n "$batch" "$scratch/go" >"$scratch/batch" && sed -i "1,${batch}d" "$scratch/go"
    moved=$(bounded 30 postsuper -r - hold <"$scratch/batch" 2>&1 | sed -n 's/.*Requeued: \([0-9]*\) .*/\1/p')
    total=$((total + ${moved:-0})) none=0
    quietly 5 postkick public pickup W
    while [ "$(find maildrop -type f | wc -l)" -gt "$batch" ] && [ "$(left_s)" -gt 2 ]; do sleep 0.1; done
  done
  release_moving
}

release_moving() { # what we put on hold and did not requeue goes back; also after a death in between
  [ -s "$STATE/moving" ] || return 0
  deadline=$((deadline + 5))
  quietly_from "$STATE/moving" postsuper -H - hold
  deadline=$((deadline - 5))
  rm -f "$STATE/moving"
}
