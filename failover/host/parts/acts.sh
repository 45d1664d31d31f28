# ---- acts: lock, epoch, results: each attempt at most once ----------------------------------------------------------
#
# A result is never removed: without it, a repeated request would act again. It takes 4 KiB of the disk.

ROOM=262144 # bytes, for the result and the saved main.cf and master.cf

do_hello() {
  say version $VERSION
  say epoch "$(highest_epoch)"
  [ -z "$unbelieved" ] || say unbelieved "$unbelieved"
  say now "$(date +%s)"
  say boot "$(cat /proc/sys/kernel/random/boot_id)"
  case $0 in /*) say digest "$(sha "$0")" ;; esac # installed: the digest of this text
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

not_stale() { # a lower epoch than the highest seen is from a controller that was taken over
  seen=$(highest_epoch)
  [ "$epoch" -ge "$seen" ] || { say seen "$seen"; because $STALE "epoch $epoch is stale, this host has seen $seen"; }
}
remembered_epoch() { [ "$epoch" -eq "$(highest_epoch)" ] || echo "$epoch" | put "$STATE/epoch"; } 2>/dev/null

# An act first frees our debts, and tells: that needs no room on the disk, and the act itself may lack it.
owes_less() {
  not_stale || return
  discharge
  remembered_epoch || because $REFUSED "cannot write $STATE/epoch"
}

result_file() { echo "$STATE/results/$run,$step,$attempt"; }

answer_stored() { # PREFIX: the rows of a result; returns its RC
  sed "1d;s/^/$1/" "$(result_file)"
  IFS=$TAB read -r _ stored <"$(result_file)"
  return "$stored"
}

act() { # once per (run, step, attempt)
  lock "$((limit < 10 ? limit : 10))" || return
  owes_less || return
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
  room || { because $REFUSED "no room in $STATE for what an act writes"; return; }
  { printf 'running\t%s\n' $FAILED | put "$(result_file)"; } && echo "$run $step $attempt" >"$STATE/holder" ||
    { because $REFUSED "cannot write $STATE/results"; return; }
  begun=no
  "do_$verb" 1<>"$scratch/answer"
  rc=$?
  case $rc:$begun in # a closed list: anything else is a failure half-way
    "$OK":*) word="done" ;;
    "$CHANGED:no" | "$REFUSED:no") word=refused ;;
    *) word=failed rc=$FAILED ;;
  esac
  answer=$(tr -d '\000' <"$scratch/answer")
  rm -rf "$scratch" # the result has its room
  { printf '%s\t%s\n' $word $rc; answered; } | put "$(result_file)" || say because "the result could not be written"
  exec 9>&-
  answered
  return $rc
}

answered() { [ -z "$answer" ] || printf '%s\n' "$answer"; }

begins() { begun=yes; } # the first effect comes next: after it, no code means "nothing was done"

# The lock is ours, so files there are of a dead act. The answer overwrites bytes that are there already, and the result
# takes the place of `room`: so both have room even if the disk fills up meanwhile.
room() {
  scratch=$STATE/scratch
  rm -rf "$scratch" && mkdir "$scratch" && head -c 65536 /dev/zero >"$scratch/answer" &&
    head -c $ROOM /dev/zero >"$scratch/room" && sync "$scratch/answer" "$scratch/room"
} 2>/dev/null

do_result() {
  [ -z "$unbelieved" ] || { because $NOT_PERMITTED "$unbelieved"; return; }
  [ -e "$(result_file)" ] || { say result absent 0; return; }
  IFS=$TAB read -r word stored <"$(result_file)"
  case $word in
    settled) word=absent stored=0 ;;
    running) # by the holder of the lock, or dead
      [ "$(cat "$STATE/holder")" = "$run $step $attempt" ] && ! flock -n "$STATE/lock" true || word=died ;;
  esac
  say result $word "$stored"
  answer_stored "was$TAB"
  return 0
}

do_settle() { # wait until it has ended; from now on a late request is refused
  lock "$limit" || return
  owes_less || return
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
