#!/bin/sh
# failover-host: everything that failover does on a mail host is a verb of this file.
#
#   failover-host VERB KEY=VALUE ...          installed, root-owned; or sent, on stdin, to
#   /bin/sh -c 'eval "$(cat)"' failover-host VERB KEY=VALUE ...
#   failover-host forced                      as the forced command of a key: the same, and nothing else, by sudo
#
# Its last line calls main: a text that was cut short on the way defines functions and does nothing.
# It needs Postfix, bash (for /dev/tcp) and GNU coreutils, findutils, grep, util-linux, awk: what Debian has.
#
# Laws
#   1. Values are data: each is matched against a strict pattern, none is ever evaluated.
#   2. An acting verb holds the lock, checks the epoch, writes `running` before and its result after.
#      What was done once for (run, step, attempt) is answered again, never done again.
#   3. What undoes a change lies on this disk, synced, before the change is made.
#   4. Nobody's edit is overwritten: a file goes in only over the bytes that were read.
#   5. Nothing here waits for ever, and what is started (or already runs) never inherits the lock.
#   6. Mail is never delivered twice by us: what is being handed over is left alone.
#
# Answer: rows of tab-separated fields, the last one `end VERB RC`. Without it the answer was cut off.
# A setting reads `=VALUE`, or `-` when absent; it is named by a file and a key:
#   main.cf content_filter | master.cf smtp/inet/content_filter | master.cf spamassassin/unix (the whole entry)

VERSION=1
OK=0 USAGE=64 FAILED=70 CHANGED=73 BUSY=75 STALE=76 NOT_PERMITTED=77 REFUSED=78

set -u -f
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC0
export PATH LC_ALL TZ
unset MAIL_CONFIG MAIL_VERBOSE MAIL_DEBUG CDPATH ENV BASH_ENV GREP_OPTIONS POSIXLY_CORRECT TMPDIR
IFS=' 	
'
TAB='	'
run= step= attempt= epoch= limit= config_dir=/etc/postfix filter= lever= expect= of_run= of_step= batch=200 to= from=
spam=none spam_address= scan=no top=yes handler= peers= filters=no patience=5 container=
kind= name= answers= speaks=smtp grace=10 log= log_from=
user= public= digest= forced=no purge=no reason=
STATE=/var/lib/failover
trap '' HUP PIPE # a lost connection never stops an act half-way

# ---- rows, arguments, time ---------------------------------------------------------------------------------

say() { # FIELD...: one row
  _row=
  for _field; do
    case $_field in *[[:cntrl:]]*) _field=$(printf %s "$_field" | tr '\001-\037\177' ' ') ;; esac
    _row=$_row$TAB$_field
  done
  printf '%s\n' "${_row#"$TAB"}"
}

because() { # RC SENTENCE: why not; use as `because 78 "..."; return`
  say because "$2"
  return "$1"
}

valid() { # KEY VALUE: does the value have the form that its key asks for?
  case $1 in
    run | step | attempt | of_run | of_step | filter)
      case $2 in '' | [.-]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
      [ ${#2} -le 64 ] ;;
    limit | epoch | to | from | batch | patience | grace)
      case $2 in '' | 0?* | *[!0-9]*) return 1 ;; esac
      [ ${#2} -le 10 ] ;;
    kind) case $2 in service | container) ;; *) return 1 ;; esac ;;
    speaks) case $2 in smtp | spamassassin | rspamd) ;; *) return 1 ;; esac ;;
    name | container)
      case $2 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9@:._-]*) return 1 ;; esac
      [ ${#2} -le 128 ] ;;
    spam) case $2 in spamassassin | rspamd | none) ;; *) return 1 ;; esac ;;
    scan | top | filters | forced | purge) case $2 in yes | no) ;; *) return 1 ;; esac ;;
    lever) case $2 in pass | clear) ;; *) return 1 ;; esac ;;
    user)
      case $2 in '' | [!a-z_]* | *[!a-z0-9_-]*) return 1 ;; esac
      [ ${#2} -le 32 ] ;;
    public) # KIND:BASE64 of a public key
      case $2 in *:*:* | [!a-z]*) return 1 ;; [a-z]*:?*) ;; *) return 1 ;; esac
      case ${2%%:*} in *[!a-z0-9@.-]*) return 1 ;; esac
      case ${2#*:} in *[!A-Za-z0-9+/=]*) return 1 ;; esac
      [ ${#2} -le 2000 ] ;;
    reason) # percent-encoded, and kept so
      case $2 in '' | *[!A-Za-z0-9._~%-]*) return 1 ;; esac
      [ ${#2} -le 1000 ] ;;
    expect | digest)
      case $2 in *[!0-9a-f]*) return 1 ;; esac
      [ ${#2} -eq 64 ] ;;
    log)
      case $2 in auto | journal) return ;; [!/]* | '' | */../* | */.. | *[!A-Za-z0-9._/+-]*) return 1 ;; esac
      [ ${#2} -le 200 ] ;;
    log_from) # INODE:OFFSET of a file, or ID:SEQUENCE of the journal
      case $2 in *:*:* | :* | *: | *:0?* | *[!0-9a-f]*:* | *:*[!0-9]*) return 1 ;; *:*) ;; *) return 1 ;; esac
      field=${2#*:}
      [ ${#field} -le 15 ] || return
      field=${2%:*}
      [ ${#field} -eq 32 ] || case $field in 0?* | *[!0-9]*) return 1 ;; *) [ ${#field} -le 20 ] ;; esac ;;
    config_dir)
      case $2 in [!/]* | '' | */../* | */.. | *[!A-Za-z0-9._/-]*) return 1 ;; esac
      [ ${#2} -le 200 ] ;;
    spam_address | handler) [ -z "$2" ] || address "$2" ;;
    peers | answers)
      case $2 in *[[:space:][:cntrl:]]*) return 1 ;; esac
      for field in $(printf %s "$2" | tr , ' '); do address "$field" || return 1; done ;;
    s[1-9] | s[1-9][0-9])
      case $2 in main.cf:*/*) return 1 ;; main.cf:?* | master.cf:?*/?*) ;; *) return 1 ;; esac
      case ${2#*:} in -* | *[!A-Za-z0-9._:/-]*) return 1 ;; esac
      [ ${#2} -le 200 ] ;;
    *) return 1 ;;
  esac
}

address() { # HOST:PORT or [IPV6]:PORT
  case ${1##*:} in '' | 0* | *[!0-9]* | ??????*) return 1 ;; esac
  case ${1%:*} in
    '' | [.-]*) return 1 ;;
    \[*\]) case ${1%:*} in \[*[!0-9A-Fa-f:.]*\] | '[]') return 1 ;; esac ;;
    *[!A-Za-z0-9._-]*) return 1 ;;
  esac
}

parse() { # ALLOWED_KEYS KEY=VALUE...: each value into the variable of its key's name
  allowed=" $1 "
  shift
  for pair; do
    key=${pair%%=*}
    case $pair in *=*) ;; *) because $USAGE "not KEY=VALUE: $pair"; return ;; esac
    case $allowed in *" $key "*) ;; *) because $USAGE "$verb knows no key $key"; return ;; esac
    valid "$key" "${pair#*=}" || { because $USAGE "not a value for $key: ${pair#*=}"; return; }
    eval "$key=\${pair#*=}" # the key is one of a fixed list, and only the key is evaluated
  done
}

need() { # KEY...: usage unless each was given
  for key; do
    eval "field=\$$key"
    [ -n "$field" ] || { because $USAGE "$verb needs $key"; return; }
  done
}

uptime_s() { read -r up _ </proc/uptime; echo "${up%%.*}"; } # monotonic, whole seconds
left_s() { echo $((deadline - $(uptime_s))); }

bounded() { # SECONDS COMMAND...: ended after SECONDS or when our own time is up, whichever is first
  most=$1 rest=$(left_s)
  shift
  [ "$rest" -lt "$most" ] && most=$rest
  [ "$most" -ge 1 ] || return 124
  timeout -k 1 "$most" "$@" 9>&-
}

quietly() { bounded "$@" </dev/null >/dev/null 2>&1; }
quietly_from() { _from=$1; shift; bounded 30 "$@" <"$_from" >/dev/null 2>&1; }

fold() { set -- $1; printf '%s' "$*"; } # runs of white space to one space

put() { # FILE: stdin becomes its whole content, on the disk before this returns
  cat >"$1.tmp" && sync "$1.tmp" && mv -f "$1.tmp" "$1" && sync "${1%/*}"
}

sha() { sha256sum <"$1" | cut -d ' ' -f 1; }

# ---- Postfix, read --------------------------------------------------------------------------------------------

ask() { bounded 5 postconf "$@" </dev/null 2>/dev/null; }

setting() { # FILE KEY
  case $1 in
    main.cf) found=$(ask -n "$2") ;;
    *) case $2 in
      */*/*) found=$(ask -P "$2") ;;
      *) found=$(fold "$(ask -M "$2")")
         printf '%s\n' "${found:+=}${found:--}"
         return ;;
    esac ;;
  esac
  case $found in '') echo - ;; *) found=${found#*=}; printf '=%s\n' "${found# }" ;; esac
}

places() { # PLACE VALUE: everywhere content_filter is set, be it to nothing; $names expanded
  ask -xn content_filter | sed -n 's/^content_filter = */main\t/p'
  ask -xP '*/*/content_filter' | sed -n 's,^\([^ ]*\)/content_filter = *,\1\t,p'
}

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

digests() { for file in main.cf master.cf; do say digest $file "$(sha "$config_dir/$file")"; done; }

queue_dir() { ask -h queue_directory; }

master_pid() { # of the running master, or nothing
  read -r pid 2>/dev/null <"$(queue_dir)/pid/master.pid" || return 1
  pid=$(fold "$pid")
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  read -r comm 2>/dev/null <"/proc/$pid/comm" && [ "$comm" = master ] && echo "$pid"
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

# ---- reading verbs ---------------------------------------------------------------------------------------------

do_hello() {
  say version $VERSION
  say epoch "$(highest_epoch)"
  say now "$(date +%s)"
  say boot "$(cat /proc/sys/kernel/random/boot_id)"
  case $0 in /*) say digest "$(sha "$0")" ;; esac # installed: which text answers
}

DIAL='exec 3<>"/dev/tcp/$1/$2" && echo connected && { printf "$3" >&3; IFS= read -r line <&3; printf "%s" "$line"; }'

dial() { # ROW WANT SEND HOST:PORT: connect, send, read one line; ROW is one word or two
  row=$1 want=$2 send=$3 host=${4%:*}
  host=${host#[} host=${host%]}
  command -v bash >/dev/null || { say $row error 0 "no bash"; return; }
  begun=$(date +%s%3N)
  said=$(bounded "$patience" bash -c "$DIAL" dial "$host" "${4##*:}" "$send" 2>&1 </dev/null)
  rc=$? ms=$(($(date +%s%3N) - begun)) line=${said#connected} line=${line#?}
  case $rc:$said in
    124:connected* | 137:connected*) say $row timeout $ms "connected, no answer in $patience s" ;;
    124:* | 137:*) say $row timeout $ms "no connection in $patience s" ;;
    *:connected) say $row closed $ms "closed without an answer" ;;
    *:connected*' reset by peer'*) say $row closed $ms "connection reset" ;;
    *:connected*) case $line in $want) say $row ok $ms "$line" ;; *) say $row wrong $ms "$line" ;; esac ;;
    *refused*) say $row refused $ms "connection refused" ;;
    *) say $row error $ms "${said##*: }" ;;
  esac
}

look_spam() {
  mail='From: probe@failover.invalid\nTo: probe@failover.invalid\nSubject: probe\n\nprobe\n' # ends in a newline: see below
  length=$(printf "$mail" | wc -c)
  case $spam in
    spamassassin)
      # spamd never answers a half-open request whose body lacks the final newline (measured, 4.0.1).
      dial spam.ping 'SPAMD/* 0 *' 'PING SPAMC/1.5\r\n\r\n' "$spam_address" &
      [ "$scan" = no ] ||
        dial spam.scan 'SPAMD/* 0 EX_OK*' "CHECK SPAMC/1.5\r\nContent-length: $length\r\n\r\n$mail" "$spam_address" & ;;
    rspamd)
      dial spam.ping 'HTTP/1.? 200*' 'GET /ping HTTP/1.0\r\n\r\n' "$spam_address" &
      [ "$scan" = no ] ||
        dial spam.scan 'HTTP/1.? 200*' "POST /checkv2 HTTP/1.0\r\nContent-Length: $length\r\n\r\n$mail" "$spam_address" & ;;
  esac
  wait
}

HEADS=5000 # queue files that one look opens at most

look_queue() { # one find, and the first bytes of at most HEADS files: their T (arrival) and L (filter) records
  cd "$(queue_dir)" 2>/dev/null || { say error queue "no queue directory"; return; }
  names= deep=0
  if [ "$filters" = yes ]; then
    deep=1
    filters | while IFS=$TAB read -r name to; do say filter "$name" "$to"; done
    names=$({ filters | cut -f 1; ask -xh defer_transports | tr -s ', ' '\n'; } | grep -x '[A-Za-z0-9._-]*' | sort -u)
  fi
  # A record is its type, its length, its data; a control character may be the length, so all become spaces.
  heads='xargs -r head -v -c 400 2>/dev/null | tr "\000-\037" " " | grep -aoE "==> [a-z]+/[0-9A-Za-z/]+ <==|T.[0-9]{10} "'
  heads=${heads%\"}$(for name in $names; do printf '|L.%s[:A-Z]' "$name"; done)\"
  bounded "$patience" find active incoming deferred hold maildrop -type f -printf '%p\n' 2>/dev/null |
    HEADS_COMMAND=$heads awk -v most=$HEADS -v deep=$deep '
      BEGIN { heads = ENVIRON["HEADS_COMMAND"] }
      { split($0, at, "/"); n[at[1]]++ }
      at[1] == "active" || at[1] == "incoming" || deep && at[1] == "deferred" {
        total++
        if (examined < most) { examined++; print | heads }
      }
      END {
        close(heads)
        for (q = split("incoming active deferred hold maildrop", name, " "); q; q--) print "queue", name[q], n[name[q]] + 0
        print "read", examined + 0, total + 0
      }' |
    awk -v now="$(date +%s)" -v names="$names" '
      /^==>/ { split($2, at, "/"); t = 0; seen = 0; next }
      /^T/ { if (!t) { t = substr($0, 3, 10); if (at[1] != "deferred" && (!old || t < old)) old = t } next }
      /^L/ { if (!seen) { seen = 1; f = substr($0, 3, length($0) - 3); n[f]++; if (!min[f] || t < min[f]) min[f] = t } next }
      /^queue/ { print $1 "\t" $2 "\t" $3; next }
      /^read/ {
        print "oldest\t" (old ? now - old : 0) "\t" $2 "\t" $3
        for (i = split(names, name, " "); i; i--)
          print "frozen\t" name[i] "\t" n[name[i]] + 0 "\t" (min[name[i]] ? now - min[name[i]] : 0) "\t" $2 "\t" $3
      }'
}

look_host() {
  read -r load _ </proc/loadavg
  say load "$load" "$(nproc)"
  set -- $(stat -f -c '%a %b %S %d %c' "$(queue_dir)" 2>/dev/null)
  if [ $# -eq 5 ]; then
    say disk "$(($1 * 100 / ($2 + ($2 == 0))))" "$(($1 * $3))" "$(queue_dir)"
    say inodes "$(($5 ? $4 * 100 / $5 : 100))" "$(queue_dir)"
  else
    say error disk "cannot read the file system of the queue"
  fi
  if master_pid >/dev/null; then say postfix running; else say postfix stopped; fi
}

look_top() ( # percent of one core over 0.3 s; a tick is 10 ms
  set +f
  { cat /proc/uptime /proc/[0-9]*/stat; sleep 0.3; cat /proc/uptime /proc/[0-9]*/stat; } 2>/dev/null | awk '
    NF == 2 { was = now; now = $1; next }
    match($0, /.*\)/) {
      pid = $1; comm = substr($0, 1, RLENGTH - 1); sub(/^[^(]*\(/, "", comm)
      split(substr($0, RLENGTH + 2), f, " "); ticks = f[12] + f[13]
      if (was && pid in t && ticks - t[pid] > most) { most = ticks - t[pid]; who = comm "\t" pid }
      if (!was) t[pid] = ticks
    }
    END { if (who != "") printf "top\t%d\t%s\n", most / (now - was), who }'
)

DOCKER='{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}}'

inspect() { # CONTAINER: STATE PID STARTED_AT EXIT OOM RESTARTS HEALTH; else a sentence, and 1: there is none, 2: no answer, 3: not known
  command -v docker >/dev/null || { echo "no docker"; return 3; }
  told=$(bounded "$patience" docker container inspect -f "$DOCKER" "$1" 2>&1 </dev/null)
  case $?:$told in
    0:*) printf '%s\n' "$told" ;;
    124:* | 137:*) echo "docker does not answer in $patience s"; return 2 ;;
    *:*'o such container'*) echo "docker has no container $1"; return 1 ;;
    *) printf '%.200s' "$told" | tr '\n' ' '; return 3 ;;
  esac
}

look_container() {
  found=$(inspect "$container")
  case $? in 0) say container $found ;; 1) say container absent ;; 2) say container timeout ;; *) say error container "$found" ;; esac
}

LOG_MOST=4194304 JOURNAL_MOST=20000 # bytes of the log, entries of the journal, that one look reads at most, the newest
LOG_STALE=600                      # a file that was found and is older may be what a syslog daemon left that is gone

log_source() { # into $file where Postfix logs to, empty for the journal; else $why. $syslog_name is its name there
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

part() { # FROM TO: those bytes of the log that was opened, however it is named by now
  bounded "$patience" dd if=/proc/self/fd/8 bs=65536 iflag=skip_bytes,count_bytes skip="$1" count=$(($2 - $1)) status=none 2>/dev/null
}

read_log() { # whole lines only: the position is the end of the last one, so that a line written half is counted once
  set -- $(stat -L -c '%i %s' /proc/self/fd/8 2>/dev/null)
  [ $# -eq 2 ] || return
  inode=$1 end=$2 first=$(($2 > 65536 ? $2 - 65536 : 0))
  end=$((end - $({ part $first "$2"; printf x; } | tail -n 1 | wc -c) + 1))
  say log "$inode" "$end" "$file"
  from=${log_from#*:}
  [ "${log_from%%:*}" = "$inode" ] && [ "$from" -le "$end" ] || return 0 # none, or rotated: a new start
  # Written anew in place (copytruncate) and longer by now: where a line ended, none does.
  [ "$from" -eq 0 ] || [ "$(part $((from - 1)) "$from" | wc -l)" -eq 1 ] || return 0
  start=$((end - from > LOG_MOST ? end - LOG_MOST : from))
  set -- $(part $start $end | count_lines $((start > from)))
  [ $# -ge 4 ] && [ $((start + $4)) -eq "$end" ] || return
  say traffic "$1" "$2" $((start + $3)) "$end"
}

# The journal's position is an entry: ID:SEQUENCE in the stream of its system.journal, which rotations go on with; a
# cursor is made of it. A cursor without a time would read every other stream from its beginning (systemd 252).
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
  id=$1 end=$(($2)) from=${log_from#*:} counted=
  if [ "${log_from%%:*}" = "$id" ]; then
    # Later than the newest line: what ended the last look was journald's own, and nothing came since.
    if [ "$from" -ge $end ]; then end=$from counted="0 0 $from"; else count_journal "$3" || why="the journal was not read whole in $patience s"; fi
  fi
  say log "$id" "$end" journal
  [ -z "$why" ] || { say error log "$why"; return; }
  [ -z "$counted" ] || say traffic $counted "$end"
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
  set -- $told
  [ "${5-}" = 0 ] || { why="journald left out lines of Postfix by its rate limit: set LogRateLimitIntervalSec=0 in Postfix's unit"; return 0; }
  counted="$1 $2 $start"
}

count_lines() { # SKIP: ACCEPTED by smtpd, not from this host itself (a filter's or a handler's second hand); REMOVED by
  # qmgr; bytes SKIPPED, if the first line may be half a one; bytes in all; SUPPRESSED by journald; its last cursor
  NAME=$syslog_name/ awk -v skip="$1" '
    BEGIN { name = ENVIRON["NAME"] }
    { at += length($0) + 1 }
    NR == 1 && skip { skipped = at; next }
    /^-- cursor: / { cursor = $0 }
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
    END { printf "%d %d %.0f %.0f %d\n%s\n", accepted, removed, skipped, at, suppressed, cursor }'
}

do_look() {
  deadline=$(($(uptime_s) + patience + 1))
  say now "$(date +%s.%3N)"
  {
    look_spam &
    look_queue &
    look_host &
    [ "$top" = no ] || look_top &
    [ -z "$handler" ] || dial handler '220*' '' "$handler" &
    [ -z "$container" ] || look_container &
    [ -z "$log" ] || look_log &
    for peer in $(printf %s "$peers" | tr , ' '); do dial "peer $peer" '220*' 'QUIT\r\n' "$peer" & done
    wait
  }
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

do_settings() {
  for pair; do
    case $pair in s[1-9]*=*) say setting "${pair#*=}" ;; esac
  done | while IFS=":$TAB" read -r _ file key; do say setting "$file" "$key" "$(setting "$file" "$key")"; done
  digests
}

frozen_files() { # NAME: `INODE QUEUE ID ARRIVAL` of each queue file stamped for it, into $scratch/frozen; prints the rounds it took
  # postcat stops at the first file that vanished, so what it has not printed is asked for again, by id: files move.
  : >"$scratch/said" && : >"$scratch/all" && rounds=0
  while :; do
    bounded 60 find active incoming deferred -type f -perm -0700 -printf '%i %p\n' >"$scratch/now" 2>/dev/null </dev/null || return 1
    [ $rounds -gt 0 ] || cp "$scratch/now" "$scratch/all"
    awk '
      { n = split(FILENAME ~ /said$/ ? $4 : $2, at, "/"); id = at[n] }
      FILENAME ~ /said$/ { if (/^\*\*\* ENVELOPE RECORDS /) known[id] = 1; next }
      FILENAME ~ /all$/ { asked[id] = 1; next }
      asked[id] && !known[id] { print $2 }
    ' "$scratch/said" "$scratch/all" "$scratch/now" >"$scratch/open"
    [ -s "$scratch/open" ] || break
    [ $rounds -lt 50 ] && [ "$(left_s)" -gt 0 ] || return 1
    bounded 300 xargs -n 200 postcat -e <"$scratch/open" >>"$scratch/said" 2>/dev/null
    rounds=$((rounds + 1))
  done
  awk -v name="$1" '
    { split(name, to, ":") }
    FILENAME ~ /now$/ { n = split($2, at, "/"); inode[at[n]] = $1; queue[at[n]] = at[1]; next }
    /^\*\*\* ENVELOPE RECORDS / { n = split($4, at, "/"); id = at[n]; next }
    /^message_arrival_time: / { arrived[id] = sprintf("%s-%02d-%02dT%s", $6, (index("JanFebMarAprMayJunJulAugSepOctNovDec", $3) + 2) / 3, $4, $5) }
    /^content_filter: / { split($2, to, ":"); if (to[1] == name) stamped[id] = 1; else delete stamped[id] }
    END { for (id in stamped) if (id in queue) print inode[id], queue[id], id, arrived[id] }
  ' "$scratch/now" "$scratch/said" >"$scratch/frozen"
  echo $rounds
}

do_frozen() {
  cd "$(queue_dir)" 2>/dev/null || { because $FAILED "no queue directory"; return; }
  passes=$(frozen_files "$filter") || { because $FAILED "the queue could not be read whole in time"; return; }
  oldest=$(cut -d ' ' -f 4 "$scratch/frozen" | sort | head -n 1)
  [ -z "$oldest" ] || oldest=$(($(date +%s) - $(date -d "$oldest" +%s)))
  say frozen "$filter" "$(grep -c . "$scratch/frozen")" "${oldest:-0}" "$passes"
}

RESTARTS_MOST=3 RESTARTS_WITHIN=600 # a restart that did not cure three times in ten minutes does not cure

manager() { if [ "$kind" = container ]; then echo docker; elif [ -d /run/systemd/system ]; then echo systemd; else echo sysv; fi; }

main_pid() { # of the service; Postfix's own unit is a wrapper without a process (Debian)
  case $name:$(manager) in
    postfix:*) master_pid; return ;;
    *:systemd) pid=$(bounded 5 systemctl show -p MainPID --value "${name%.service}.service" </dev/null 2>/dev/null) ;;
    *) read -r pid 2>/dev/null <"/run/$name.pid" ;;
  esac
  case $pid in '' | 0 | *[!0-9]*) return 1 ;; esac
  [ -d "/proc/$pid" ] && echo "$pid"
}

has_service() { # one that this host runs by itself: enabled at boot, or running, or failed; never a target, never one for the end
  case $(manager) in
    systemd)
      how=$(bounded 5 systemctl show -p LoadState -p ActiveState -p UnitFileState "${name%.service}.service" </dev/null 2>/dev/null)
      case $how in *LoadState=loaded*) ;; *) return 1 ;; esac
      case $how in *State=active* | *State=activating* | *State=reloading* | *State=failed* | *State=enabled* | *State=generated*) ;; *) return 1 ;; esac ;;
    *) [ -x "/etc/init.d/$name" ] && { main_pid >/dev/null || ls /etc/rc2.d 2>/dev/null | grep -qx "S[0-9][0-9]$name"; } ;;
  esac
}

unit_now() { # into $unit: STATE PID STARTED_AT of $kind $name, and into $born what no other start has; else 1, and $why
  if [ "$kind" = container ]; then
    unit=$(inspect "$name") || { why=$unit; return 1; }
    born=$(set -- $unit; echo "$2 $3")
    return 0
  fi
  has_service || { why="there is no service $name that this host runs by itself"; return 1; }
  pid=$(main_pid) && stat=$(cat "/proc/$pid/stat" 2>/dev/null) || { unit="stopped - -" born=; return 0; }
  set -- ${stat##*) } # its start is the 22nd field, in ticks of 10 ms since the boot: proc(5)
  born="$pid ${20}"
  unit="running $pid $(date -d "@$(($(date +%s) - $(uptime_s) + ${20} / 100))" +%Y-%m-%dT%H:%M:%SZ)"
}

restarts() { # WHEN KIND/NAME RUN STEP ATTEMPT of those that count; a clock that was set back only makes us count more
  now=$(date +%s)
  while read -r when what rest; do
    [ $((now - when)) -ge $RESTARTS_WITHIN ] || [ "$what" != "$kind/$name" ] || echo "$when $what $rest"
  done 2>/dev/null <"$STATE/restarts"
}

do_unit() { # how it is, and how it would be restarted
  unit_now || { because $REFUSED "$why"; return; }
  say manager "$(manager)"
  say now $unit
  say restarts "$(restarts | grep -c .)" $RESTARTS_MOST $RESTARTS_WITHIN
}

# ---- lock, epoch, results ----------------------------------------------------------------------------------------

highest_epoch() {
  read -r seen 2>/dev/null <"$STATE/epoch" || seen=0
  echo "${seen:-0}"
}

lock() { # SECONDS: the one lock of this host, on descriptor 9
  mkdir -p "$STATE/results" "$STATE/saved" && : >>"$STATE/lock" || { because $REFUSED "cannot write $STATE"; return; }
  exec 9>>"$STATE/lock"
  flock -w "$1" 9 || { because $BUSY "another act holds this host: $(cat "$STATE/holder" 2>/dev/null)"; return; }
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

# ---- acting verbs -----------------------------------------------------------------------------------------------

set_one() { # FOLDER FILE KEY VALUE: in the copies of main.cf and master.cf there
  case $2:$3 in main.cf:*) how=-e not=-X ;; *:*/*/*) how=-P not=-PX ;; *) how=-M not=-MX ;; esac
  case $4 in
    -) quietly 5 postconf -c "$1" $not "$3" ;;
    *) quietly 5 postconf -c "$1" $how "$3$4" ;;
  esac
}

install_file() { # NEW NAME SHA: in place of NAME while it still has that digest; owner and mode stay, a link is followed
  real=$(readlink -f "$config_dir/$2")
  cp "$1" "$real.failover" && chown --reference="$real" "$real.failover" && chmod --reference="$real" "$real.failover" &&
    sync "$real.failover" && [ "$(sha "$real")" = "$3" ] && mv -f "$real.failover" "$real" && sync "${real%/*}" && return
  rm -f "$real.failover"
  return 1
}

qmgr_pid() { for pid in $(children "$(master_pid)"); do grep -qx '[no]*qmgr' "/proc/$pid/comm" 2>/dev/null && echo "$pid"; done; }

reload() { # and wait until the old queue manager is gone: from then on nothing starts by the old configuration
  old=$(qmgr_pid)
  quietly 15 postfix reload || return
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    new=$(qmgr_pid)
    [ -z "$new" ] || [ "$new" = "$old" ] || return 0
    sleep 0.2
  done
  return 1
}

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

# A spamc that hangs in the filter is ended, so that its mail is deferred and tried again the new way. But
# `spamc -e` hands over by fork, then exec of sendmail in the parent: ended after the fork, the mail would be
# delivered twice (sendmail has it) or cut short (sendmail reads the end of a pipe). So: stop it, then look.
# A lone spamc has handed over nothing; anything else goes on undisturbed.
end_waiting() { # NAME COMMAND
  ended=0 calm=0
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

still_left() { # NAME KIND COMMAND: deliveries that still go the old way
  n=0
  for agent in $(transports "$1"); do
    case $2 in
      pipe) for pid in $(children "$agent"); do is "$pid" "$(printf %.15s "$3")" && n=$((n + 1)); done ;;
      *) is "$agent" "$2" && n=$((n + 1)) ;;
    esac
  done
  say left $n
}

put_back() { # FOLDER SENTENCE: of saved bytes; the act failed, and says so
  deadline=$((deadline + 10))
  for file in main.cf master.cf; do
    [ "$(sha "$config_dir/$file")" != "$(sha "$1/wanted/$file")" ] ||
      install_file "$1/before/$file" $file "$(sha "$1/wanted/$file")"
  done
  if quietly 15 postfix reload; then because $FAILED "$2; put back"; else because $FAILED "$2; put back, but not reloaded"; fi
}

save() { # FOLDER: saved bytes, the wanted bytes, and the settings between them; whole or not there
  new=$STATE/saved/.new
  rm -rf "$new" && mkdir -p "$new/before" "$new/wanted" &&
    cp -Lp "$config_dir/main.cf" "$config_dir/master.cf" "$new/before" && cp -p "$new/before/"*.cf "$new/wanted" &&
    printf '%s\n' "$settings" >"$new/settings" && echo "$config_dir" >"$new/config_dir" || return
  while IFS=$TAB read -r file key before after; do
    [ "$before" = "$after" ] || set_one "$new/wanted" "$file" "$key" "$after" || return
    [ "$(MAIL_CONFIG=$new/wanted && setting "$file" "$key")" = "$after" ] || return
  done <"$new/settings"
  sync "$new"/*/* "$new"/* "$new" && rm -rf "$1" && mv "$new" "$1" && sync "${1%/*}"
}

do_bypass() {
  master_pid >/dev/null || { because $REFUSED "Postfix is not running"; return; }
  no=$(lever_no "$lever" "$filter")
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  settings=$(lever_settings "$lever" "$filter") entry=$(setting master.cf "$filter/unix")
  [ "$(printf '%s\n' "$settings" | cut -f 1-3 | sha256sum | cut -c 1-64)" = "$expect" ] ||
    { because $CHANGED "the settings do not read as planned"; return; }
  to=$STATE/saved/$run,$step
  ( set +f; save "$to" ) || { because $REFUSED "the changed configuration could not be prepared"; return; }
  for file in main.cf master.cf; do
    cmp -s "$to/before/$file" "$to/wanted/$file" ||
      install_file "$to/wanted/$file" $file "$(sha "$to/before/$file")" ||
      { put_back "$to" "$file was edited at this moment, or could not be written"; return; }
  done
  quietly 15 postfix check || { put_back "$to" "postfix check refuses the changed configuration"; return; }
  reload || { put_back "$to" "Postfix did not take up the changed configuration"; return; }
  printf '%s\n' "$settings" | sed "s/^/setting\t/"
  digests
  end_waiting "$filter"
  still_left "$filter" "$(entry_kind "${entry#=}")" "$(entry_command "${entry#=}")"
}

do_restore() {
  saved=$STATE/saved/$of_run,$of_step rc=0
  [ -e "$saved/settings" ] || { because $REFUSED "nothing was saved here for $of_run, $of_step: nothing to put back"; return; }
  config_dir=$(cat "$saved/config_dir") && MAIL_CONFIG=$config_dir
  while IFS=$TAB read -r file key before after; do
    now=$(setting "$file" "$key")
    case $now in "$before" | "$after") ;; *) say conflict "$file" "$key" "$now" "$after"; rc=$CHANGED ;; esac
  done <"$saved/settings"
  [ $rc -eq 0 ] || { because $rc "somebody else changed our setting: nothing was touched"; return; }
  for file in main.cf master.cf; do
    restore_file $file || { because $FAILED "$file was edited at this moment, or could not be written"; return; }
  done
  digests
  master_pid >/dev/null || return 0
  quietly 15 postfix check || { because $FAILED "restored, but postfix check refuses it"; return; }
  reload || { because $FAILED "restored, but Postfix did not take it up"; return; }
}

restore_file() { # FILE: the saved bytes where nobody else edited it, else our settings alone
  have=$(sha "$config_dir/$1")
  case $have in
    "$(sha "$saved/before/$1")") say restored "$1" nothing; return ;;
    "$(sha "$saved/wanted/$1")") install_file "$saved/before/$1" "$1" "$have" && say restored "$1" bytes; return ;;
  esac
  cp -L "$config_dir/main.cf" "$config_dir/master.cf" "$scratch" && how_much=nothing || return
  while IFS=$TAB read -r file key before after; do
    [ "$file" = "$1" ] && [ "$before" != "$after" ] && [ "$(setting "$file" "$key")" = "$after" ] || continue
    set_one "$scratch" "$file" "$key" "$before" && how_much=settings || return
  done <"$saved/settings"
  [ $how_much = nothing ] || install_file "$scratch/$1" "$1" "$have" || return
  say restored "$1" $how_much
}

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

start_anew() { # what it says into $scratch/said. Daemons get no lock, no umask and no ignored signal of ours.
  set -- $unit
  case $(manager):$1 in
    docker:running | docker:restarting) bounded $((grace + 15)) docker restart -t "$grace" "$name" ;;
    docker:*) bounded 15 docker start "$name" ;;
    systemd:*) bounded 10 systemctl --no-block restart "${name%.service}.service" ;; # a job that hangs is seen by its effect, or not
    *) (umask 022 && bounded 60 env --default-signal=HUP,PIPE service "$name" restart) ;;
  esac </dev/null >"$scratch/said" 2>&1
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
  [ "$name" != postfix ] || quietly 15 postfix check || { because $REFUSED "postfix check refuses the configuration: it would not start again"; return; }
  { restarts; echo "$(date +%s) $kind/$name $run $step $attempt"; } >"$scratch/restarts" && put "$STATE/restarts" <"$scratch/restarts" ||
    { because $REFUSED "cannot write $STATE/restarts"; return; }
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
    running:*) because $FAILED "$name was restarted, and does not answer at $answers" ;;
    *:0) because $FAILED "$name was restarted, and is $1" ;;
    *) because $FAILED "$name was started, and ended again at once: $1, exit code ${4-}" ;;
  esac
}

do_flush() {
  cd "$(queue_dir)" || { because $FAILED "no queue directory"; return; }
  n=$(bounded 10 find active incoming deferred -type f </dev/null 2>/dev/null | wc -l)
  flushed || { because $FAILED "postqueue -f: $(tail -n 1 "$scratch/said" | tr -c '[:print:]' ' ' | cut -c 1-300)"; return; }
  say flushed "$n"
}

# Refused while qmgr is between two lives (a reload); waits where qmgr or pickup has its backlog of triggers full.
flushed() {
  until bounded 15 postqueue -f </dev/null >"$scratch/said" 2>&1; do
    [ -s "$scratch/said" ] || echo "not taken in time" >"$scratch/said"
    [ "$(left_s)" -gt 1 ] || return 1
    sleep 0.5
  done
}

# ---- installed here: root's own file, one line of sudoers, perhaps a forced command ----------------------------

INSTALLED=/usr/local/sbin/failover-host
SUDOERS=/etc/sudoers.d/failover

sudoers_line() { echo "$1 ALL=(root) NOPASSWD: $INSTALLED"; }
forced_line() { echo "restrict,command=\"$INSTALLED forced\" ${public%%:*} ${public#*:} failover"; }
owned() { stat -c '%U:%G %a' "$1" 2>/dev/null; }
ours() { sed -n 2p "$INSTALLED" | grep -q '^# failover-host: '; }
allowed() { quietly 5 sudo -n -l -U "$user" "$INSTALLED"; }
home_of() { getent passwd "$1" | cut -d : -f 6; }

sudoers_user() { # whom our one line lets in; `-` there is no file, `?` it is somebody else's
  [ -e "$SUDOERS" ] || { echo -; return; }
  found=$(sed -n "s,^\([a-z0-9_-]*\) ALL=.*,\1,p" "$SUDOERS")
  if [ "$(cat "$SUDOERS")" = "$(sudoers_line "$found")" ]; then echo "$found"; else echo '?'; fi
}

# A user's file is read and written as that user: root follows no link in a folder that is not root's.
as_user() { bounded 5 runuser -u "$user" -- "$@"; }
their_keys() { as_user cat "$(home_of "$user")/.ssh/authorized_keys" </dev/null 2>/dev/null; }
lines_of_key() { their_keys | awk -v key="${public#*:}" '!/^#/ { for (i = 1; i <= NF; i++) if ($i == key) { print; next } }'; }
their_keys_with() { # FILE: the user's keys, those lines in place of the lines that let our key in
  their_keys | awk -v key="${public#*:}" '!/^#/ { for (i = 1; i <= NF; i++) if ($i == key) next } { print }' | cat "$1" -
}
write_keys() { # stdin becomes their authorized_keys
  as_user sh -c 'umask 077 && mkdir -p "$1" && cd "$1" && cat >authorized_keys.new && sync authorized_keys.new &&
    mv -f authorized_keys.new authorized_keys' sh "$(home_of "$user")/.ssh"
}

how_key() { # how the key is let in: forced (by our line alone), otherwise, absent
  found=$(lines_of_key)
  case $found in '') echo absent ;; "$(forced_line)") echo forced ;; *) echo otherwise ;; esac
}

in_force() { # RUN STEP of each change of ours that stands: a setting that we changed reads as we set it
  find "$STATE/saved" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%f\n' 2>/dev/null | sort |
    while IFS=, read -r of_run of_step; do
      saved=$STATE/saved/$of_run,$of_step
      MAIL_CONFIG=$(cat "$saved/config_dir")
      while IFS=$TAB read -r file key before after; do
        [ "$before" != "$after" ] && [ "$(setting "$file" "$key")" = "$after" ] || continue
        say "$of_run" "$of_step"
        break
      done <"$saved/settings"
    done
}

last_results() {
  find "$STATE/results" -type f ! -name '*.tmp' -printf '%T@\t%f\n' 2>/dev/null | sort -rn | head -n 5 | while IFS=$TAB read -r at name; do
    IFS=$TAB read -r word stored <"$STATE/results/$name"
    say result "$name" "$word" "$stored" "${at%%.*}"
  done
}

do_installed() { # what install would find, and what is here; changes nothing
  if ! [ -e "$INSTALLED" ]; then say helper absent
  elif ! ours; then say helper other
  else say helper "$(sed -n 's/^VERSION=//p' "$INSTALLED")" "$(sha "$INSTALLED")" "$(owned "$INSTALLED")"
  fi
  if command -v sudo >/dev/null && command -v visudo >/dev/null; then say sudo yes; else say sudo no; fi
  say sudoers "$(sudoers_user)" "$(owned "$SUDOERS")"
  if [ -n "$user" ]; then
    if getent passwd "$user" >/dev/null; then say user "$user" "$(home_of "$user")"; else say user absent; fi
    if allowed; then say may yes; else say may no; fi
    [ -z "$public" ] || say key "$(how_key)"
    say keys_file "$(bounded 5 sshd -T -C "user=$user,host=localhost,addr=127.0.0.1" 2>/dev/null </dev/null | sed -n 's/^authorizedkeysfile //p')"
  fi
  say version $VERSION
  say epoch "$(highest_epoch)"
  say state "$(du -sb "$STATE" 2>/dev/null | cut -f 1)"
  last_results
  in_force | sed 's/^/force\t/'
  [ ! -e "$STATE/resets" ] || tail -n 3 "$STATE/resets" | sed 's/^/reset\t/'
}

only_sent() { # by root's own session: whoever may ask the helper through sudo must not be able to replace it
  [ "$0" = failover-host ] && [ -z "${SUDO_UID-}" ] || { because $NOT_PERMITTED "$verb is not asked of the helper: root sends it"; return; }
}

do_install() { # the very text that runs is put there; what is so already stays untouched
  only_sent || return
  [ "$(printf '%s\n' "${text-}" | sha256sum | cut -d ' ' -f 1)" = "$digest" ] ||
    { because $REFUSED "the text that arrived is not the one that was meant"; return; }
  no=$(install_no)
  [ -z "$no" ] || { because $REFUSED "$no"; return; }
  lock 10 || return
  put_helper && put_sudoers || return
  [ "$forced" = no ] || put_key
}

install_no() { # the sentence that forbids it, or nothing
  getent passwd "$user" >/dev/null || { echo "there is no user $user"; return; }
  [ "$(id -u "$user")" -ne 0 ] || { echo "$user is root already"; return; }
  command -v visudo >/dev/null || { echo "sudo is not installed"; return; }
  [ ! -e "$INSTALLED" ] || ours || { echo "$INSTALLED is somebody else's file"; return; }
  [ "$(sudoers_user)" != '?' ] || { echo "$SUDOERS holds more or other than our one line"; return; }
  [ "$forced" = no ] || [ -n "$public" ] || echo "a forced command is for a key, and none was named"
}

put_helper() {
  [ "$(owned "$INSTALLED") $(sha "$INSTALLED" 2>/dev/null)" != "root:root 755 $digest" ] || { say did helper same; return; }
  printf '%s\n' "$text" >"$INSTALLED.new" && chown root:root "$INSTALLED.new" && chmod 755 "$INSTALLED.new" &&
    sync "$INSTALLED.new" && mv -f "$INSTALLED.new" "$INSTALLED" && sync "${INSTALLED%/*}" &&
    [ "$(sha "$INSTALLED")" = "$digest" ] || { rm -f "$INSTALLED.new"; because $FAILED "$INSTALLED could not be written whole"; return; }
  say did helper installed
}

put_sudoers() { # sudo reads no file with a dot in its name: what is not checked yet is not in force
  line=$(sudoers_line "$user") new=$SUDOERS.new
  if [ "$(sudoers_user) $(owned "$SUDOERS")" = "$user root:root 440" ] && allowed; then say did sudoers same; return; fi
  echo "$line" >"$new" && chown root:root "$new" && chmod 440 "$new" && quietly 5 visudo -cf "$new" ||
    { rm -f "$new"; because $FAILED "visudo refuses: $line"; return; }
  was=$(cat "$SUDOERS" 2>/dev/null)
  sync "$new" && mv -f "$new" "$SUDOERS" && sync "${SUDOERS%/*}" && quietly 5 visudo -c && allowed ||
    { sudoers_back; because $FAILED "with it sudo is wrong as a whole, or does not let $user in; put back"; return; }
  say did sudoers installed
}

sudoers_back() {
  rm -f "$SUDOERS.new" "$SUDOERS"
  [ -z "$was" ] || { echo "$was" >"$SUDOERS.new" && chmod 440 "$SUDOERS.new" && mv -f "$SUDOERS.new" "$SUDOERS"; }
}

put_key() { # what let the key in before is kept, for remove
  [ "$(how_key)" != forced ] || { say did key same; return; }
  kept=$STATE/keys/$user,$(printf %s "$public" | sha256sum | cut -c 1-16)
  mkdir -p "$STATE/keys" && { echo "$user $public"; lines_of_key; } | put "$kept" && forced_line >"$scratch/line" &&
    their_keys_with "$scratch/line" >"$scratch/keys" && write_keys <"$scratch/keys" && [ "$(how_key)" = forced ] ||
    { because $FAILED "authorized_keys of $user could not be written"; return; }
  say did key installed
}

do_remove() { # just what install did: the key's earlier lines come back, the state stays unless it is asked for
  only_sent || return
  lock 10 || return
  standing=$(in_force | tr "$TAB\n" ' ,')
  [ -z "$standing" ] || { because $REFUSED "still in force here: ${standing%,}"; return; }
  find "$STATE/keys" -type f ! -name '*.tmp' 2>/dev/null | sort >"$scratch/kept"
  while read -r kept; do take_key || { because $FAILED "authorized_keys of $user could not be written"; return; }; done <"$scratch/kept"
  case $(sudoers_user) in
    -) say did sudoers absent ;;
    '?') say did sudoers left ;;
    *) rm -f "$SUDOERS" && say did sudoers removed ;;
  esac
  if ! [ -e "$INSTALLED" ]; then say did helper absent
  elif ours; then rm -f "$INSTALLED" && say did helper removed
  else say did helper left
  fi
  [ "$purge" = no ] || { rm -rf "$STATE" && say did state removed; }
}

take_key() { # our line gives way to the lines before it; whatever else it reads now is somebody's edit
  read -r user public <"$kept"
  if [ "$(how_key)" = forced ]; then
    sed 1d "$kept" >"$scratch/line"
    their_keys_with "$scratch/line" >"$scratch/keys" && write_keys <"$scratch/keys" || return
    say did key removed "$user"
  else
    say did key left "$user"
  fi
  rm -f "$kept"
}

rooted() { # Postfix runs what its configuration names: through sudo, only one that root alone could have written
  config_dir=$(readlink -f "$config_dir") && at=$config_dir || return
  while :; do
    case $(stat -c '%u %A' "$at") in 0' 'd????-??-?) ;; *) return 1 ;; esac
    [ "$at" != / ] || return 0
    at=${at%/*} at=${at:-/}
  done
}

# The forced command of a key. What was asked for is split at blanks and compared, and never evaluated; only the
# helper's own line goes on, and only to sudo, which decides as ever. Until there it runs as the user.
hand_over() {
  verb=forced asked=${SSH_ORIGINAL_COMMAND-}
  set -- $asked
  case "${1-} ${2-} ${3-}" in
    "sudo -n $INSTALLED") shift 3 ;;
    *) because $NOT_PERMITTED "this key runs $INSTALLED and nothing else"; return ;;
  esac
  case ${1-} in '' | *[!a-z-]*) ;; *) verb=$1 ;; esac # so that the caller knows the answer for one to what it asked
  case $asked in *[[:cntrl:]]*) because $USAGE "control characters are in no word of ours"; return ;; esac
  n=$#
  for word; do
    case $word in \'*\') word=${word#?} word=${word%?} ;; esac # as the caller quotes [::1]:25
    case $word in '' | *[!]A-Za-z0-9%+,./:=@_[-]*) because $USAGE "not a word of ours: $word"; return ;; esac
    set -- "$@" "$word"
  done
  shift $n
  exec sudo -n "$INSTALLED" "$@"
}

# ---- main -------------------------------------------------------------------------------------------------------

dispatch() {
  verb=${1-}
  [ $# -eq 0 ] || shift
  acting='run step attempt epoch limit config_dir' own= must=
  case $verb in
    hello) keys=limit ;;
    look) keys="limit config_dir spam spam_address scan top handler container peers filters patience log log_from" ;;
    unit) keys="limit config_dir kind name patience" must="kind name" ;;
    filter-read) keys="limit config_dir filter" ;;
    settings) 
      keys="limit config_dir"
      for pair; do case $pair in s[0-9]*=*) keys="$keys ${pair%%=*}" ;; esac; done ;;
    frozen) keys="limit config_dir filter" must=filter ;;
    result) keys="limit run step attempt" must="run step attempt" ;;
    bypass) own="filter lever expect" must=$own ;;
    restore) own="of_run of_step" must=$own ;;
    requeue) own="filter batch" must=filter ;;
    restart) own="kind name answers speaks grace" must="kind name answers" ;;
    flush | settle) own= ;;
    epoch-set) keys="limit to from reason" must="to from" ;;
    installed) keys="limit config_dir user public" ;;
    install) keys="limit user public digest forced" must="user digest" ;;
    remove) keys="limit purge" ;;
    *) because $USAGE "no such verb: $verb"; return ;;
  esac
  case $verb in bypass | restore | requeue | restart | flush | settle) keys="$acting $own" must="run step attempt epoch limit $must" ;; esac
  parse "$keys" "$@" || return
  need $must || return
  deadline=$(($(uptime_s) + ${limit:=30}))
  [ -z "${SUDO_UID-}" ] || [ "$config_dir" = /etc/postfix ] || rooted || { because $NOT_PERMITTED "$config_dir is not in root's hands alone"; return; }
  export MAIL_CONFIG="$config_dir"
  [ "$verb" = hello ] || [ "$(id -u)" -eq 0 ] || { because $NOT_PERMITTED "not root"; return; }
  scratch=$(mktemp -d) || { because $REFUSED "no room for temporary files"; return; }
  case $verb in
    settings) do_settings "$@" ;;
    bypass | restore | requeue | restart | flush) act ;;
    *) "do_$(printf %s "$verb" | tr - _)" ;;
  esac
}

main() {
  scratch=
  if [ "${1-}" = forced ]; then hand_over; else dispatch "$@"; fi
  rc=$?
  [ -z "$scratch" ] || rm -rf "$scratch"
  say end "$verb" $rc
  exit $rc
}

main "$@"
