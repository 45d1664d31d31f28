# ---- forced: what a key with a forced command may ask for -----------------------------------------------------------

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
