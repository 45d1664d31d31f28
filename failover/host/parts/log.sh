# ---- log: mail accepted and removed, and what master warns of, counted in a log file or in the journal ---------------

LOG_MOST=4194304 JOURNAL_MOST=20000 # most bytes of the log, entries of the journal, that one look reads: the newest
NEWLINE='
'
LOG_STALE=600                      # an older file may be of a syslog daemon that is gone

log_source() { # $file: the log of Postfix, empty for the journal; else $why. $syslog_name: its name there
  file= why= syslog_name=
  found=$(ask -x maillog_file syslog_name) # Postfix before 3.4 has no maillog_file, and says so on stderr alone
  set -- "$(printf '%s\n' "$found" | sed -n 's/^maillog_file = *//p')"
  syslog_name=$(printf '%s\n' "$found" | sed -n 's/^syslog_name = *//p')
  [ -n "$syslog_name" ] || { why="postconf does not answer"; return 1; }
  case $log:$1 in
    journal:*) newest_entry; return ;;
    auto:?*) ;;
    auto:) for file in /var/log/mail.log /var/log/maillog ''; do [ ! -f "$file" ] || break; done
      [ -n "$file" ] || { newest_entry || { why="no log file: maillog_file is not set, /var/log/mail.log and /var/log/maillog are not there; $why"; return 1; }; return; }
      written=$(stat -L -c %Y "$file" 2>/dev/null) || { why="$file is gone"; return 1; }
      [ $(($(date +%s) - written)) -gt $LOG_STALE ] || return 0
      newest_entry
      case $? in
        0) [ "${newest%%.*}" -le $((written + 60)) ] || file= ;;
        2) return 1 ;; # neither shown to be the one
      esac
      return 0 ;;
    *) set -- "$log" ;;
  esac
  [ -f "$1" ] || { why="$1 is no file"; return 1; }
  file=$1
}

look_log() {
  if ! log_source; then say error log "$why"
  elif [ -z "$file" ]; then read_journal
  else read_log 2>/dev/null 8<"$file" || say error log "$file cannot be read, or changed meanwhile"
  fi
}

part() { # FROM TO: these bytes of the open log, whatever its name is now
  bounded "$patience" dd if=/proc/self/fd/8 bs=65536 iflag=skip_bytes,count_bytes skip="$1" count=$(($2 - $1)) status=none 2>/dev/null
}

read_log() { # whole lines only: the position is the end of the last one, so a half-written line is counted once
  set -- $(stat -L -c '%i %s' /proc/self/fd/8 2>/dev/null)
  [ $# -eq 2 ] || return
  inode=$1 end=$2 first=$(($2 > 65536 ? $2 - 65536 : 0))
  end=$((end - $({ part $first "$2"; printf x; } | tail -n 1 | wc -c) + 1))
  say log "$inode" "$end" "$file"
  from=${log_from#*:}
  [ "${log_from%%:*}" = "$inode" ] && [ "$from" -le "$end" ] || return 0 # none, or rotated: a new start
  # Rewritten in place (copytruncate) and longer now: the position is not at the end of a line.
  [ "$from" -eq 0 ] || [ "$(part $((from - 1)) "$from" | wc -l)" -eq 1 ] || return 0
  start=$((end - from > LOG_MOST ? end - LOG_MOST : from))
  told=$(part $start $end | count_lines $((start > from)))
  set -- ${told%%"$NEWLINE"*}
  [ $# -ge 4 ] && [ $((start + $4)) -eq "$end" ] || return
  say traffic "$1" "$2" $((start + $3)) "$end"
  warned
}

warned() { # the rows about master of $told; the first says that they were counted
  say master counted
  printf '%s\n' "$told" | grep "^master$TAB"
  return 0
}

# The position in the journal is an entry: ID:SEQUENCE in the stream of system.journal, which survives rotations; a cursor
# is made of it. A cursor without a time would read every other stream from its begin (systemd 252).
SUPPRESSED=MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e # "Suppressed N messages from UNIT": journald's own rate limit

journal() { bounded "$patience" journalctl --system --no-pager -q -o short-unix --show-cursor "$@" </dev/null 2>/dev/null; }
entry() { sed -n 's/^-- cursor: s=\([0-9a-f]\{32\}\);i=\([0-9a-f]\{1,12\}\);b=.*;t=\([0-9a-f]*\);.*/\1 0x\2 \3/p'; } # ID SEQUENCE TIME

newest_entry() { # of this Postfix, into $newest; else $why, and 1: there is none, 2: no answer
  command -v journalctl >/dev/null || { why="no journalctl"; return 1; }
  ours=$({ printf '%s\n' "$syslog_name/qmgr" "$syslog_name/master" "$syslog_name/smtpd"
    ask -xhP '*/*/syslog_name' | sed -n "s,\$,/smtpd,p"; } | grep -x '[A-Za-z0-9._/-]*' | sort -u | sed 's/^/SYSLOG_IDENTIFIER=/')
  newest=$(journal -n 1 $ours)
  case $?:$newest in
    0:?*) ;;
    124:* | 137:*) why="journalctl does not answer in $patience s"; return 2 ;;
    *) why="the journal has no line of $syslog_name/master, $syslog_name/qmgr or $syslog_name/smtpd"; return 1 ;;
  esac
}

read_journal() {
  set -- $(printf '%s\n' "$newest" | entry)
  [ $# -eq 3 ] || { say error log "journalctl shows no cursor"; return; }
  id=$1 end=$(($2)) from=${log_from#*:} counted= told=
  if [ "${log_from%%:*}" = "$id" ]; then
    # Later than the newest line: the last look ended at an entry of journald itself, and nothing came since.
    if [ "$from" -ge $end ]; then end=$from counted="0 0 $from"; else count_journal "$3" || why="the journal was not read whole in $patience s"; fi
  fi
  say log "$id" "$end" journal
  [ -z "$why" ] || { say error log "$why"; return; }
  [ -n "$counted" ] || return 0
  say traffic $counted "$end"
  warned
}

count_journal() { # TIME of the newest entry: into $counted ACCEPTED REMOVED FROM, and $end; $counted stays empty for a new start
  start=$((end - from > JOURNAL_MOST ? end - JOURNAL_MOST : from))
  # The same lines are asked for each time: --after-cursor (252) skips the next line if the cursor's own is not among them.
  at=$(journal -n 1 --cursor "s=$id;i=$(printf %x $start);t=$1" $ours + $SUPPRESSED) || return
  set -- $(printf '%s\n' "$at" | entry)
  [ $# -eq 3 ] || return
  [ "$1" = "$id" ] && { [ $start -gt "$from" ] || [ $(($2)) -eq "$from" ]; } || return 0 # vacuumed
  start=$(($2))
  told=$(journal --after-cursor "${at##*-- cursor: }" $ours + $SUPPRESSED | count_lines 0)
  set -- $(printf '%s\n' "$told" | entry)
  [ $# -eq 3 ] || return # its last line: it was not ended before
  end=$(($2))
  set -- ${told%%"$NEWLINE"*}
  [ "${5-}" = 0 ] || { why="journald left out lines of Postfix by its rate limit: set LogRateLimitIntervalSec=0 in Postfix's unit"; return 0; }
  counted="$1 $2 $start"
}

count_lines() { # SKIP: ACCEPTED by smtpd, not from this host itself (a filter's or a handler's second hand); REMOVED by
  # qmgr; bytes SKIPPED, if the first line may be half a one; bytes in all; SUPPRESSED by journald. Then rows: `master
  # limit SERVICE TIMES` (all its processes are taken; told once in 1,000 s, master_avail.c), `master dying DAEMON TIMES
  # WHY` (it ends as soon as it is started; told once a minute, master_spawn.c). Then journald's last cursor.
  NAME=$syslog_name/ awk -v skip="$1" '
    BEGIN { name = ENVIRON["NAME"] }
    { at += length($0) + 1 }
    NR == 1 && skip { skipped = at; next }
    /^-- cursor: / { cursor = $0 }
    index($0, name) && (/\]: warning: .*(process limit|-- throttling)/ || /\]: fatal: /) {
      open = index($0, "[")
      n = split(substr($0, 1, open - 1), head, " ")
      said = substr($0, open)
      if (!open || index(head[n], name) != 1) next
      if (head[n] != name "master") {
        daemon = head[n]
        sub(/.*\//, "", daemon)
        if (sub(/^\[[0-9]+\]: fatal: /, "", said)) why[daemon] = said
      } else if (said ~ /^\[[0-9]+\]: warning: service "[A-Za-z0-9._:-]+" \([^()]*\) has reached its process limit "/) {
        split(said, part, "\"")
        limit[part[2]]++
      } else if (said ~ /^\[[0-9]+\]: warning: [A-Za-z0-9._\/-]+: bad command startup -- throttling$/) {
        split(said, part, ": ")
        sub(/.*\//, "", part[3])
        dying[part[3]]++
      }
      next
    }
    / systemd-journald\[[0-9]+\]: Suppressed [0-9]+ messages from .*postfix/ { suppressed++ }
    /: removed$/ || /: client=/ {
      open = index($0, "[") # of a line of Postfix this is the one before the process id, whatever a client called itself
      n = split(substr($0, 1, open - 1), head, " ")
      said = substr($0, open)
      if (!open || index(head[n], name) != 1) next
      if (head[n] == name "qmgr") removed += said ~ /^\[[0-9]+\]: [0-9A-Za-z]+: removed$/
      else if (head[n] ~ /\/smtpd$/ && said ~ /^\[[0-9]+\]: [0-9A-Za-z]+: client=/)
        accepted += said !~ /: client=[^][]*\[(127\.|::1\])/
    }
    END {
      printf "%d %d %.0f %.0f %d\n", accepted, removed, skipped, at, suppressed
      for (service in limit) printf "master\tlimit\t%s\t%d\n", service, limit[service]
      for (daemon in dying) {
        gsub(/[[:cntrl:]]/, " ", why[daemon])
        printf "master\tdying\t%s\t%d\t%.300s\n", daemon, dying[daemon], why[daemon]
      }
      print cursor
    }'
}
