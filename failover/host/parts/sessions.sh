# ---- sessions: senders that an smtpd still serves with the old configuration -----------------------------------------

# An smtpd reads its configuration when it starts, and serves a session to its end (measured, Postfix 3.7). So mail of an
# open session still goes to the filter that was taken out. The session is ended between two letters, when the sender has
# all answers; the sender connects again. If we do not see that moment, we wait for the end of the session.
SESSIONS_S=330 # Postfix as a sender reuses a session for 300 s: smtp_connection_reuse_time_limit
CALM_MS=200

SESSIONS="a sender whose session is open goes on being stamped for the old filter: its session is ended between two letters, or waited for up to $SESSIONS_S s"

old_sessions() { # NAME: pids of smtpd that began before the last reload, and may stamp for it
  since=$(began "$(qmgr_pid)")
  for pid in $(children "$(master_pid)"); do
    is "$pid" smtpd && [ "$(began "$pid")" -lt "$since" ] || continue
    own=$(tr '\000' '\n' 2>/dev/null <"/proc/$pid/cmdline" | sed -n 's/^{* *content_filter *= */=/p')
    case ${own:-"=$1"} in "=$1" | "=$1":*) echo "$pid" ;; esac
  done
}

end_sessions() { # NAME: those between two letters; sets `sessions`, the number left
  command -v ss >/dev/null && for pid in $(old_sessions "$1"); do [ "$(left_s)" -lt 10 ] || end_session "$pid"; done
  sessions=$(old_sessions "$1" | grep -c .)
}

# Closed by ss -K: for an smtpd killed in its first session, Postfix would throttle the whole service for a minute.
end_session() { # PID
  calm_session "$1" >"$scratch/session" && grep -q '^State:[[:space:]]*S' "/proc/$1/status" 2>/dev/null && kill -STOP "$1" 2>/dev/null || return 0
  if frozen_still "$1" "$(master_pid)" && calm_session "$1" | cmp -s - "$scratch/session"; then
    read -r local peer _ <"$scratch/session" && quietly 5 ss -K src "$local" dst "$peer"
  fi
  kill -CONT "$1" 2>/dev/null
}

# Between two letters no cleanup is open: smtpd opens it for a letter, and closes it before it answers. The sender has the
# answer if nothing is unsent for a while, and it has sent nothing since.
calm_session() { # PID of an smtpd: LOCAL PEER SENT RECEIVED of its session, if it is between two letters
  bounded 5 ss -xpH >"$scratch/unix" 2>/dev/null </dev/null && awk -v pid="pid=$1," '
    $5 ~ /cleanup/ || /\(\("cleanup",/ { open[$8] = 1 }
    index($0, pid) { ours[$6] = 1; seen = 1 }
    END { for (inode in ours) if (inode in open) exit 1; exit !seen }' "$scratch/unix" || return
  bounded 5 ss -ltnH 2>/dev/null </dev/null | awk '{ sub(/.*:/, "", $4); print $4 }' >"$scratch/listen"
  bounded 5 ss -OtinpH state established 2>/dev/null </dev/null | awk -v pid="pid=$1," -v calm=$CALM_MS '
    FILENAME ~ /listen$/ { listens[$1] = 1; next }
    !index($0, pid) { next }
    { port = $3; sub(/.*:/, "", port); if (!(port in listens)) next } # else to a milter, or a table
    {
      split("", of); sessions++
      for (i = 5; i <= NF; i++) { n = index($i, ":"); of[substr($i, 1, n - 1)] = substr($i, n + 1) }
      if ($1 + $2 || of["lastsnd"] < calm || of["lastrcv"] < calm) busy = 1
      said = $3 " " $4 " " of["bytes_sent"] " " of["bytes_received"]
    }
    END { if (busy || sessions != 1) exit 1; print said }' "$scratch/listen" -
}
