# ---- restart: start a service or a container anew -------------------------------------------------------------------

answering() { # does what listens at one of $answers do its work?
  for at in $(printf %s "$answers" | tr , ' '); do
    case $speaks in
      smtp) dial answer '220*' '' "$at" ;;
      *) (spam=$speaks spam_address=$at scan=yes && look_spam) ;;
    esac >"$scratch/answered"
    [ -s "$scratch/answered" ] && [ "$(cut -f 2 "$scratch/answered" | sort -u)" = ok ] && return
  done
  return 1
}

start_anew() { # output into $scratch/said. Daemons inherit no lock, umask or ignored signal of ours.
  set -- $unit
  case $(manager):$1 in
    docker:running | docker:restarting) bounded $((grace + 15)) docker restart -t "$grace" "$name" ;;
    docker:*) bounded 15 docker start "$name" ;;
    systemd:*) bounded 10 systemctl --no-block restart "${name%.service}.service" ;; # its effect is looked at, not the job
    *) (umask 022 && bounded 60 env --default-signal=HUP,PIPE service "$name" restart) ;;
  esac </dev/null >"$scratch/said" 2>&1
}

start_no() { # why Postfix would not be back soon, or nothing
  quietly 15 postfix check
  case $? in
    0) ;;
    124 | 137) echo "postfix check, which reads the whole queue as a start does, did not end in time: a start would keep mail out for at least as long" ;;
    *) echo "postfix check refuses the configuration: it would not start again" ;;
  esac
}

# An effect, not an exit code: it was started later than before, and it answers.
do_restart() {
  unit_now || { because $REFUSED "$why"; return; }
  was=${unit%% *} was_born=$born n=$(restarts | grep -c .)
  [ "$was" != paused ] || { because $REFUSED "somebody has paused $name: docker unpause $name"; return; }
  [ "$n" -lt $RESTARTS_MOST ] || {
    because $REFUSED "$name was restarted $n times in the last $((RESTARTS_WITHIN / 60)) minutes: restarting does not cure it, a person has to look"
    return
  }
  no=$([ "$name" != postfix ] || start_no)
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  { restarts; echo "$(date +%s) $kind/$name $run $step $attempt"; } >"$scratch/restarts" && put "$STATE/restarts" <"$scratch/restarts" ||
    { because $REFUSED "cannot write $STATE/restarts"; return; }
  begins
  say was $unit
  start_anew || { because $FAILED "$(manager) did not restart $name: $(tail -n 2 "$scratch/said" | tr '\n' ' ' | cut -c 1-300)"; return; }
  ended=0
  while [ "$(left_s)" -gt 1 ] && [ $ended -lt 5 ]; do
    unit_now || { sleep 0.3; continue; }
    set -- $unit
    if [ "$born" != "$was_born" ] && [ "$1" = running ] && answering; then say now $unit; return; fi
    [ "$kind:$1" = service:stopped ] || [ "$1" = running ] || ended=$((ended + 1))
    sleep 0.3
  done
  unit_now || { because $FAILED "$name was restarted; then: $why"; return; }
  say now $unit
  set -- $unit
  case $1:$ended in
    running:0) because $FAILED "$name was restarted, and does not answer at $answers" ;;
    running:*) because $FAILED "$name was restarted, ended again, and runs once more without an answer at $answers" ;;
    *:0) because $FAILED "$name was restarted, and is $1" ;;
    *) because $FAILED "$name was started, and ended again at once: $1, exit code ${4-}" ;;
  esac
}
