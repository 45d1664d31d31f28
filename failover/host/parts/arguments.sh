# ---- arguments: rows that are answered, and arguments: each has a pattern, none is evaluated ------------------------

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
    epoch | to | from | waited) number "$2" 9999999999 ;;
    limit) number "$2" 3600 ;; # the lock is held no longer
    patience) number "$2" 60 ;;
    grace) number "$2" 600 ;;
    batch) number "$2" 10000 ;;
    kind) case $2 in service | container) ;; *) return 1 ;; esac ;;
    speaks) case $2 in smtp | spamassassin | rspamd) ;; *) return 1 ;; esac ;;
    name | container)
      case $2 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9@:._-]*) return 1 ;; esac
      [ ${#2} -le 128 ] ;;
    spam) case $2 in spamassassin | rspamd | smtp | lmtp | auto | none) ;; *) return 1 ;; esac ;;
    scan | top | debts | filters | forced | purge) case $2 in yes | no) ;; *) return 1 ;; esac ;;
    lever) case $2 in pass | clear) ;; *) return 1 ;; esac ;;
    user)
      case $2 in '' | [!a-z_]* | *[!a-z0-9_-]*) return 1 ;; esac
      [ ${#2} -le 32 ] ;;
    permits) # KIND:VALUE,...
      case $2 in *[[:space:][:cntrl:]]*) return 1 ;; esac
      for field in $(printf %s "$2" | tr , ' '); do
        case $field in
          address:*) address "${field#*:}" ;;
          service:* | container:*) valid name "${field#*:}" ;;
          config_dir:*) valid config_dir "${field#*:}" ;;
          *) return 1 ;;
        esac || return
      done ;;
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
    what) selector "$2" && [ ${#2} -le 1000 ] ;;
    s[1-9] | s[1-9][0-9])
      case $2 in hold:*) valid what "${2#*:}"; return ;; esac
      case $2 in main.cf:*/*) return 1 ;; main.cf:?* | master.cf:?*/?*) ;; *) return 1 ;; esac
      case ${2#*:} in -* | *[!A-Za-z0-9._:/-]*) return 1 ;; esac
      [ ${#2} -le 200 ] ;;
    *) return 1 ;;
  esac
}

number() { # VALUE MOST
  case $1 in '' | 0?* | *[!0-9]*) return 1 ;; esac
  [ ${#1} -le 10 ] && [ "$1" -le "$2" ]
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
