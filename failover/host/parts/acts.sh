# ---- acts: lock, epoch, results: each attempt at most once ----------------------------------------------------------

do_hello() {
  say version $VERSION
  say epoch "$(highest_epoch)"
  [ -z "$unbelieved" ] || say unbelieved "$unbelieved"
  say now "$(date +%s)"
  say boot "$(cat /proc/sys/kernel/random/boot_id)"
  case $0 in /*) say digest "$(sha "$0")" ;; esac # installed: which text answers
}
highest_epoch() {
  read -r seen 2>/dev/null <"$STATE/epoch" || seen=0
  echo "${seen:-0}"
}

lock() { # SECONDS: the one lock of this host, on descriptor 9
  folder "$1" || return
  exec 9>>"$STATE/lock"
  flock -w "$1" 9 || { because $BUSY "another act holds this host: $(cat "$STATE/holder" 2>/dev/null)"; return; }
  old_moved "$1" absorb_old
}

take_epoch() { # lower than the highest seen: a controller that was taken over; higher: remembered before anything is done
  seen=$(highest_epoch)
  [ "$epoch" -ge "$seen" ] || { because $STALE "epoch $epoch is stale, this host has seen $seen"; return; }
  [ "$epoch" -eq "$seen" ] || echo "$epoch" | put "$STATE/epoch" || { because $REFUSED "cannot write $STATE/epoch"; return; }
}

result_file() { echo "$STATE/results/$run,$step,$attempt"; }

answer_stored() { # PREFIX: the rows of a result; returns its RC
  sed "1d;s/^/$1/" "$(result_file)"
  IFS=$TAB read -r _ stored <"$(result_file)"
  return "$stored"
}

act() { # once per (run, step, attempt)
  lock "$((limit < 10 ? limit : 10))" || return
  take_epoch || return
  release_moving
  bounded 5 find "$STATE/results" -type f -mtime +90 -delete 2>/dev/null
  if [ -e "$(result_file)" ]; then
    exec 9>&-
    read -r word _ <"$(result_file)"
    case $word in
      settled) because $STALE "$run, $step, $attempt was settled before this request arrived" ;;
      running) because $FAILED "$run, $step, $attempt was begun before and ended without a result: look, then use a new attempt" ;;
      *) answer_stored '' ;;
    esac
    return
  fi
  { printf 'running\t%s\n' $FAILED | put "$(result_file)"; } && echo "$run $step $attempt" >"$STATE/holder" ||
    { because $REFUSED "cannot write $STATE/results"; return; }
  "do_$verb" >"$scratch/answer"
  rc=$?
  case $rc in 0) word="done" ;; "$FAILED") word=failed ;; *) word=refused ;; esac
  { printf '%s\t%s\n' $word $rc; cat "$scratch/answer"; } | put "$(result_file)" || say because "the result could not be written"
  exec 9>&-
  cat "$scratch/answer"
  return $rc
}

do_result() {
  [ -z "$unbelieved" ] || { because $NOT_PERMITTED "$unbelieved"; return; }
  [ -e "$(result_file)" ] || { say result absent 0; return; }
  IFS=$TAB read -r word stored <"$(result_file)"
  case $word in
    settled) word=absent stored=0 ;;
    running) # by whoever holds the lock, or dead
      [ "$(cat "$STATE/holder")" = "$run $step $attempt" ] && ! flock -n "$STATE/lock" true || word=died ;;
  esac
  say result $word "$stored"
  answer_stored "was$TAB"
  return 0
}

do_settle() { # whatever was running has ended; whatever is late will be refused
  lock "$limit" || return
  take_epoch || return
  release_moving
  [ -e "$(result_file)" ] || { printf 'settled\t%s\n' $STALE | put "$(result_file)"; } ||
    { because $REFUSED "cannot write $STATE/results"; return; }
  exec 9>&-
  do_result
}

do_epoch_set() { # break-glass
  lock 10 || return
  seen=$(highest_epoch)
  [ "$from" = "$seen" ] || { because $CHANGED "the highest epoch seen is $seen, not $from"; return; }
  say "$(date +%s)" "$from" "$to" "$reason" >>"$STATE/resets" && echo "$to" | put "$STATE/epoch" ||
    { because $REFUSED "cannot write $STATE/epoch"; return; }
  say epoch "$to"
}
