# ---- dial: connect, send, read one line -----------------------------------------------------------------------------

DIAL='exec 3<>"/dev/tcp/$1/$2" && echo connected && { printf "$3" >&3; IFS= read -r line <&3; printf "%s" "$line"; }'

# An SMTP server: the first line of its greeting. postscreen takes 6 s for the whole greeting, and logs a client that
# talks or hangs up before its end. So a process in the background waits for the end.
GREET='exec 3<>"/dev/tcp/$1/$2" && echo connected && {
  IFS= read -r line <&3
  printf "%s" "$line"
  {
    while [ "${line:3:1}" = - ]; do IFS= read -r -t 10 line <&3 || exit; done
    printf "QUIT\r\n" >&3
    IFS= read -r -t 2 line <&3
  } </dev/null >/dev/null 2>&1 &
}'

# An SMTP or LMTP server: the last line of its answer to NOOP; of its greeting, if that is not 220.
TALK='exec 3<>"/dev/tcp/$1/$2" && echo connected && {
  answer() { while IFS= read -r line <&3; do case $line in ???-*) ;; *) break ;; esac; done; }
  answer
  case $line in 220*) for say in "$3 failover.invalid" NOOP; do printf "%s\r\n" "$say" >&3; answer; done; printf "QUIT\r\n" >&3 ;; esac
  printf "%s" "$line"
}'
talk=

# shellcheck disable=SC2254 # WANT is a pattern
dial() { # ROW WANT SEND HOST:PORT: connect, send, read one line; ROW is one word or two; SEND is empty for a greeting
  row=$1 want=$2 send=$3 host=${4%:*} how=${talk:-$DIAL}
  case $unlisted in *" $4 "*) say $row error 0 "$4 is $NOT_LISTED"; return ;; esac
  [ -n "$send" ] || how=$GREET
  host=${host#[} host=${host%]}
  command -v bash >/dev/null || { say $row error 0 "no bash"; return; }
  begun=$(date +%s%3N)
  said=$(bounded "$patience" bash --norc --noprofile -c "$how" dial "$host" "${4##*:}" "$send" 2>&1 </dev/null)
  rc=$? ms=$(($(date +%s%3N) - begun)) line=${said#connected} line=${line#?}
  case $rc in 124 | 137) [ $ms -ge $((patience * 900)) ] || { say $row error $ms "the time for this look ended after $ms ms"; return; } ;; esac
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

# shellcheck disable=SC2059 # the mail is a format: its line ends are in it
look_spam() {
  [ "$spam" != auto ] || find_spam
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
    smtp | lmtp) look_mail_filter ;;
  esac
  wait
}

find_spam() { # not declared: a filter of SMTP or LMTP by its own address in Postfix; else spamd, as in Debian
  [ -z "$unread" ] || { spam=none; say error spam "$unread"; return; }
  spam=spamassassin spam_address=127.0.0.1:783
  found=$(filters | while IFS=$TAB read -r name to; do
    entry=$(setting master.cf "$name/unix") to=${to#inet:}
    case $(entry_kind "${entry#=}") in smtp) speaks=smtp ;; lmtp) speaks=lmtp ;; *) continue ;; esac
    if address "$to"; then echo "$speaks $to"; break; fi
  done)
  [ -z "$found" ] || { spam=${found% *} spam_address=${found#* }; }
  say spam.at "$spam" "$spam_address"
}

look_mail_filter() { # no test mail, which it would send on: a greeting, a hello and a NOOP must do
  if [ "$spam" = lmtp ]; then hello=LHLO; else hello=EHLO; fi
  talk=$TALK
  told=$(dial spam.ping '250*' "$hello" "$spam_address")
  printf '%s\n' "$told"
  [ "$scan" = no ] || printf '%s\n' "$told" | sed 's/^spam.ping/spam.scan/'
}
