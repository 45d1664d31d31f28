# ---- agents: the processes that deliver through a filter ------------------------------------------------------------

transports() { # NAME: pids of its delivery agents, the children of our master that were started with that name
  for pid in $(children "$(master_pid)"); do echo "/proc/$pid/cmdline"; done |
    xargs -r grep -lzxF -e "$1" 2>/dev/null | cut -d / -f 3
}

is() { read -r comm 2>/dev/null <"/proc/$1/comm" && [ "$comm" = "$2" ]; } # PID COMM

frozen_still() { # PID PARENT: after SIGSTOP, is it stopped and still that parent's child?
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    set -- "$1" "$2" ${stat##*) }
    [ "${4-}" = "$2" ] || return 1
    [ "$3" != T ] || return 0
    sleep 0.01
  done
  return 1
}

# A spamc that hangs in the filter is ended, so that its mail is deferred and tried again the new way. But `spamc -e`
# hands over by fork, then exec of sendmail in the parent: ended after the fork, the mail would be delivered twice
# (sendmail has it) or cut short (sendmail reads the end of a pipe). So we stop it and look: a spamc without a child
# has handed nothing over and is ended; anything else goes on.
end_waiting() { # NAME
  ended=0 calm=0
  end_hung "$1"
  while [ "$calm" -lt 3 ] && [ "$(left_s)" -gt 2 ]; do
    calm=$((calm + 1))
    for agent in $(transports "$1"); do
      for pid in $(children "$agent"); do
        is "$pid" spamc || continue
        calm=0
        kill -STOP "$pid" 2>/dev/null || continue
        if frozen_still "$pid" "$agent" && is "$pid" spamc && [ -z "$(children "$pid")" ]; then
          kill -KILL "$pid" && ended=$((ended + 1))
        fi
        kill -CONT "$pid" 2>/dev/null
      done
    done
    sleep 0.1
  done
  say ended $ended
}

filter_ports() { # NAME: where its filter listens, now and before a change of ours, as a pattern
  { destinations "$1"; find "$STATE/saved" -name settings -exec sed -n "s/.*$TAB=$1:\([^$TAB]*\)$TAB=.*/\1/p" {} + 2>/dev/null; } |
    sed -n 's/.*:\([0-9]\{1,5\}\)$/\1/p' | sort -u | tr '\n' '|' | sed 's/|$//'
}

talking() { # NAME: PID LOCAL PEER SENT of each of its SMTP or LMTP clients that is connected to the filter
  ports=$(filter_ports "$1") agents=$(transports "$1" | tr '\n' ' ')
  [ -n "$ports" ] && command -v ss >/dev/null || return 0
  bounded 5 ss -OtinpH state established 2>/dev/null </dev/null | awk -v ports="^($ports)\$" -v agents=" $agents" '
    { port = $4; sub(/.*:/, "", port); pid = $0; if (!sub(/.*pid=/, "", pid)) next; sub(/[^0-9].*/, "", pid) }
    port !~ ports || !index(agents, " " pid " ") { next }
    {
      sent = $2; got = 0
      for (i = 5; i <= NF; i++) { split($i, at, ":"); if (at[1] == "bytes_sent") sent += at[2]; if (at[1] == "bytes_received") got = at[2] }
      print pid, $3, $4, (got ? sent : 0)
    }'
}

# An SMTP client that hangs in the filter is cut off from it, so that its mail is deferred and tried again the new way.
# But after the final dot the filter may have the mail: so we stop it and look. The dot was not sent if the filter has
# said nothing (a client waits for the greeting), or if fewer bytes were sent than the message has. Cut off by ss -K: for
# a killed client, Postfix would throttle the whole transport for a minute.
end_hung() { # NAME
  talking "$1" >"$scratch/talking"
  while read -r pid local peer sent; do
    kill -STOP "$pid" 2>/dev/null || continue
    if frozen_still "$pid" "$(master_pid)"; then
      talking "$1" | grep "^$pid $local $peer " >"$scratch/now" && read -r _ _ _ sent <"$scratch/now" && [ "$sent" -lt "$(message_size "$pid")" ] &&
        quietly 5 ss -K src "$local" dst "$peer" && ! talking "$1" | grep -q "^$pid $local " && ended=$((ended + 1))
    fi
    kill -CONT "$pid" 2>/dev/null
  done <"$scratch/talking"
}

message_size() { # PID: bytes of the message that it delivers
  file=$(find "/proc/$1/fd" -type l -exec readlink {} + 2>/dev/null | grep -E '/(active|incoming|deferred)/[0-9A-Za-z/]+$' | head -n 1)
  size=$([ -z "$file" ] || bounded 5 postcat -e "$file" 2>/dev/null </dev/null | sed -n 's/^message_size: *\([0-9]*\) .*/\1/p')
  echo "${size:-0}"
}

still_left() { # NAME KIND COMMAND: deliveries that still go the old way
  n=0
  case $2 in
    pipe)
      for agent in $(transports "$1"); do
        for pid in $(children "$agent"); do is "$pid" "$(printf %.15s "$3")" && n=$((n + 1)); done
      done ;;
    *) if command -v ss >/dev/null; then n=$(talking "$1" | grep -c .); else n=unknown; fi ;;
  esac
  say left $n
}
