# ---- forced: the requests that a key with a forced command may make --------------------------------------------------

AHEAD=900 # seconds that a controller's clock may be ahead of ours: a later epoch would lock out all others

permitted() { # a request of an ordinary user through sudo: only for mail; else refused, and why
  [ -n "${SUDO_UID-}" ] || return 0
  no=$(config_no "$config_dir")
  [ -n "$no" ] || no=$(unlisted_no)
  unlisted=$(unlisted $(printf '%s\n' "$handler" "$spam_address" | grep .) $(printf %s "$peers" | tr , ' '))
  for _epoch in $epoch $to; do
    [ "$_epoch" -le $(($(date +%s) + AHEAD)) ] || no="epoch $_epoch is of the future: by this host's clock it is $(date +%s)"
  done
  [ -z "$user" ] || [ "$user" = "${SUDO_USER-}" ] || no="$user is another user: only root's own session asks about one"
  case $log in
    '' | auto | journal | /var/log/mail.log | /var/log/maillog) ;;
    *) [ "$log" = "$(bounded 5 postconf -c "$config_dir" -h maillog_file 2>/dev/null)" ] || no="$log is not Postfix's log" ;;
  esac
  [ -z "$no" ] || because $NOT_PERMITTED "$no"
}

# The names that an ordinary user may use, written by root at the installation: KIND:VALUE, one a line. Without a list (an
# earlier install) every name is permitted.
PERMITS=/etc/failover-host.permits
NOT_LISTED="not on this host's list, $PERMITS: run failover host install again"

listed() { ! permits_there || grep -qxF -e "$1" "$PERMITS"; } # KIND:VALUE
permits_there() { [ -e "$PERMITS" ] || [ -L "$PERMITS" ]; }
permits_no() { [ ! -L "$PERMITS" ] && [ -f "$PERMITS" ] && rooted "$PERMITS" || echo "$PERMITS is not a file in root's hands alone"; }

unlisted_no() { # the sentence that forbids the request, or nothing; a look tells for each address
  permits_there || return 0
  _no=$(permits_no)
  [ -z "$_no" ] || { echo "$_no"; return; }
  [ -z "$name" ] || set -- "$kind:$name"
  for _at in $(printf %s "$answers" | tr , ' '); do set -- "$@" "address:$_at"; done
  for _asked in "config_dir:$config_dir" "$@"; do listed "$_asked" || { echo "$_asked is $NOT_LISTED"; return; }; done
}

unlisted() { # ADDRESS...: those without a permit
  for _at; do listed "address:$_at" || printf ' %s ' "$_at"; done
}

config_no() { # FOLDER: the sentence that forbids it, or nothing. Root runs the programs that a configuration of Postfix names.
  case $1 in
    /etc/postfix-*/* | /etc/postfix/*) ;;
    /etc/postfix | /etc/postfix-?*)
      for _file in "$1" "$1/main.cf" "$1/master.cf"; do
        rooted "$_file" || { echo "$_file is not in root's hands alone"; return; }
      done
      return ;;
  esac
  echo "$1 is neither /etc/postfix nor /etc/postfix-NAME: only root's own session may name it"
}

# The forced command of a key. The request is split at blanks and compared, never evaluated; only a line for the helper
# goes on, and only to sudo, which decides. Until then it runs as the user.
hand_over() {
  verb=forced asked=${SSH_ORIGINAL_COMMAND-}
  set -- $asked
  case "${1-} ${2-} ${3-}" in
    "sudo -n $INSTALLED") shift 3 ;;
    *) because $NOT_PERMITTED "this key runs $INSTALLED and nothing else"; return ;;
  esac
  case ${1-} in '' | *[!a-z-]*) ;; *) verb=$1 ;; esac # so that the answer has the verb of the request
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
