# ---- levers: the wiring of a content filter, and the lever that may take it out ---------------------------------------

# The filters in use: content_filter, and FILTER in access maps and checks, as far as they can be read.
filters() { { places | cut -f 2; filter_actions; } | sed -n 's/^\([^:]\{1,\}\):*/\1\t/p' | sort -u; } # NAME DESTINATION

filter_actions() { # NAME:DESTINATION of each FILTER action
  set_here=$(dump -xn; dump -xP)
  { printf '%s\n' "$set_here" | grep '[{:=]FILTER ' # in the setting itself, by inline: or static:
    printf '%s\n' "$set_here" | awk '
    $1 ~ /_checks$/ { for (i = 3; i <= NF; i++) print $i }
    { for (i = 2; i < NF; i++) if ($i ~ /check_[a-z_]*_access$/) print $(i + 1) }
    ' | tr -d '{},' | sort -u | while read -r map; do map_lines "$map"; done
  } 2>/dev/null | sed -n 's/^.*[[:space:]{:=]FILTER[[:space:]]\{1,\}\([A-Za-z0-9._-]\{1,\}:[^[:space:]{}]*\).*/\1/Ip'
}

map_lines() { # TYPE:NAME: its lines; fails if they cannot be read
  case ${1#proxy:} in
    hash:* | btree:* | lmdb:* | dbm:* | sdbm:*) bounded 5 postmap -s "${1#proxy:}" </dev/null 2>/dev/null ;;
    cdb:* | texthash:* | regexp:* | pcre:* | cidr:*) map=${1#proxy:} && bounded 5 cat "${map#*:}" </dev/null 2>/dev/null ;;
    static:* | inline:* | fail:*) ;; # they have no lines: their text is in the setting itself
    *) return 1 ;;
  esac
}

pickup_filter() { # the filter of mail that comes by pickup
  places | awk -F '\t' '$1 == "main" { f = $2 } $1 == "pickup/unix" { p = $2; own = 1 } END { print own ? p : f }'
}

anywhere() { # PARAMETER...: NAME VALUE wherever it is not empty, also by a default that names another ($virtual_maps)
  for key; do { dump -x; dump -xP; } | sed -nE "s,^(([^ ]*/)?$key) = *([^ ].*),\\1\t\\3,p"; done
}
bcc() { anywhere always_bcc sender_bcc_maps recipient_bcc_maps; } # each would be added again by a second cleanup
again_in_cleanup() { # the settings that a second cleanup would apply again
  bcc
  anywhere virtual_alias_maps virtual_maps canonical_maps sender_canonical_maps recipient_canonical_maps
  anywhere header_checks mime_header_checks nested_header_checks body_checks
}

entry_kind() { # of an entry of master.cf; an lmtp transport that we made pass says so by lmtp_fallback_relay
  set -- $1
  case ${8-} in
    smtp) case " $* " in *' -o lmtp_fallback_relay= '*) echo lmtp ;; *) echo smtp ;; esac ;;
    pipe | lmtp) echo "$8" ;;
    *) echo other ;;
  esac
}
entry_command() { case $1 in *' argv='*) set -- ${1#* argv=}; echo "${1##*/}" ;; esac; }

hands_back() { # ENTRY of a pipe: sendmail, and how; a script that calls sendmail; or unknown
  case $1 in *' argv='*' -e /'*'/sendmail '*) echo sendmail; return ;; esac
  set -- ${1#* argv=}
  case $1 in */sendmail) echo sendmail; return ;; esac
  if bounded 2 head -c 65536 "$1" 2>/dev/null </dev/null | tr -d '\000' | awk '
    NR == 1 && !/^#!/ { exit 1 }
    !/^[[:space:]]*#/ && /sendmail/ { found = 1 }
    END { exit !found }'; then echo script; else echo "what $1 does with mail is not known"; fi
}

# Other mail of the transport: a changed transport is changed for all of it.
others() { # NAME [loops]: the sentence that says it, or nothing; `loops`: no map can name it, or mail would loop
  case $1 in
    smtp | lmtp | relay | local | virtual | error | retry | discard | bounce | trace | verify | uucp | maildrop)
      echo "$1 is a stock transport of Postfix, by which other mail may go"; return ;;
  esac
  dump -x >"$scratch/main" && dump -xP >"$scratch/master" && [ -s "$scratch/main" ] || { echo "the configuration could not be read whole"; return; }
  awk -v name="$1" '
    { key = $1; sub(/.*\//, "", key); value = $0; sub(/^[^=]*= */, "", value) }
    key ~ /_transport$/ { split(value, at, ":"); if (at[1] == name) print "use", $1 }
    $1 !~ /^address_verify_/ && key ~ /transport_maps$/ && value != "" {
      if (index(" " value, " " name ":") || index(value, "=" name ":") || index(value, ":" name ":")) print "use", $1
      while (match(value, /\{[^{}]*\}/)) value = substr(value, 1, RSTART - 1) "@" substr(value, RSTART + RLENGTH)
      n = split(value, map, /[ ,\t]+/)
      for (i = 1; i <= n; i++) if (map[i] != "") print "map", map[i], key
    }' "$scratch/main" "$scratch/master" | sort -u >"$scratch/uses"
  while read -r what which where; do
    [ "$what" = map ] || { echo "$which uses it, too"; return; }
    if map_lines "$which" >"$scratch/map"; then
      ! grep -qE "(^|[[:space:]])$(printf %s "$1" | sed 's/\./\\./g'):" "$scratch/map" || { echo "$which ($where) uses it, too"; return; }
    elif [ "${2-}" != loops ]; then
      echo "$which ($where) cannot be read here, and may use it, too"
      return
    fi
  done <"$scratch/uses"
}

# The smtpd that takes mail back from an SMTP or LMTP filter: it stamps no filter, and takes no mail from outside.
way_back() { # DESTINATION of the filter: [HOST]:PORT for each
  places >"$scratch/places"
  dump -xP | sed -n 's,^\([^ ]*/inet\)/receive_override_options =.*,\1,p' >"$scratch/overrides"
  dump -M | awk -v filter="${1##*:}" -v interfaces="$(of_main inet_interfaces)" '
    FILENAME ~ /places$/ { n = split($0, at, "\t"); stamps[at[1]] = n > 1 && at[2] != "" ? 1 : 0; said[at[1]] = 1; next }
    FILENAME ~ /overrides$/ { overrides[$1] = 1; next }
    $2 != "inet" || $8 != "smtpd" { next }
    {
      key = $1 "/inet"; port = $1; sub(/.*:/, "", port); host = substr($1, 1, length($1) - length(port) - 1); gsub(/[][]/, "", host)
      if (key in said ? stamps[key] : stamps["main"]) next
      if (port == filter || port ~ /^(25|smtp|587|submission|465|smtps|submissions)$/ || port !~ /^[0-9]+$/) next
      near = host ~ /^(127\.[0-9.]+|::1|localhost)$/
      if (!near && (host != "" || interfaces !~ /^(all|loopback-only)$/)) next
      if (!near && !(key in said) && !(key in overrides)) next
      print "[" (host == "" ? "127.0.0.1" : host) "]:" port
    }' "$scratch/places" "$scratch/overrides" -
}

destinations() { filters | sed -n "s/^$1$TAB//p"; }

# A queued message keeps its filter, with transport and destination, so only the transport itself can be changed. A pipe
# then hands over without the filter. An SMTP client gets a TLS policy that only the way back can meet, so it connects
# to nothing else, and the way back as its fallback: envelope, DSN and 8BITMIME stay, and mail meets the same cleanup.
# soft_bounce: mail that is refused there waits, and never bounces. (Postfix 3.7: the policy is looked up before it
# connects.)
passing() { # ENTRY: the same transport, handing on without the filter
  again='/usr/sbin/sendmail -oi -f ${sender} -- ${recipient}'
  case $(entry_kind "$1") in
    pipe)
      case $(entry_command "$1") in sendmail) printf '%s\n' "$1"; return ;; esac
      head=${1%% argv=*}
      case $1 in
        *' argv='*' -e /'*'/sendmail '*) again=${1#* argv=* -e } ;; # the administrator's command
        *) # our arguments: quoted by RFC 822
          case $head in
            *' flags='*q*) ;;
            *' flags='*) head=$(printf '%s\n' "$head" | sed 's/ flags=\([^ ]*\)/ flags=\1q/') ;;
            *) head="$head flags=q" ;;
          esac
          case $head in *' null_sender='*) ;; *) head="$head null_sender=" ;; esac ;;
      esac
      set -- $head
      again="$8 $(shift 8; printf '%s ' "$@")argv=$again"
      printf '%s\n' "$1 $2 $3 $4 $5 $6 - $again" ;;
    *)
      case $1 in *' -o smtp_fallback_relay='*"filter-is-out}"*) printf '%s\n' "$1"; return ;; esac
      kind=$(entry_kind "$1") back=$(way_back "$(destinations "${1%% *}" | head -n 1)" | head -n 1)
      set -- $1
      head="$1 $2 $3 $4 $5 $6 - smtp"
      shift 8
      [ "$kind" = smtp ] || head="$head -o lmtp_fallback_relay= -o smtp_send_xforward_command=yes"
      printf '%s\n' "$head${*:+ $*} -o smtp_bind_address= -o smtp_bind_address6= -o soft_bounce=yes -o smtp_fallback_relay=$back -o {smtp_tls_policy_maps=inline:{ {$back=none} } static:filter-is-out}" ;;
  esac
}

lever_no() { # LEVER NAME: the sentence that forbids it, or nothing
  entry=$(setting master.cf "$2/unix") || { echo "$UNSAID"; return; }
  kind=$(entry_kind "${entry#=}")
  [ "$entry" != - ] || { echo "master.cf has no service $2/unix"; return; }
  filters | grep -q "^$2$TAB" || { echo "$2 is not in use as a filter here"; return; }
  no=$(case $1:$kind in
    clear:*) no_clear "$2" ;;
    pass:pipe) no_pipe "$2" "${entry#=}" ;;
    pass:other) echo "$2/unix is neither pipe nor smtp nor lmtp" ;;
    pass:*) no_detour "$2" ;;
  esac)
  [ -z "$no" ] || { echo "$no"; return; }
  for file in $(lever_settings "$1" "$2" | awk -F '\t' '$3 != $4 { print $1 }' | sort -u); do fixed "$file"; done | head -n 1 >"$scratch/why"
  [ -s "$scratch/why" ] || cramped "$config_dir" "$(queue_dir)" >"$scratch/why"
  cat "$scratch/why"
}

held_back() { # NAME
  case " $(of_main defer_transports | tr , ' ') " in *" $1 "*) echo "defer_transports holds $1 back, so nothing would pass" ;; esac
}

no_pipe() { # NAME ENTRY: mail must come back as now: by sendmail, and past the filter
  how=$(hands_back "$2") met=$(pickup_filter) loops=
  case $how in sendmail) loops=loops ;; script) ;; *) echo "$how"; return ;; esac
  [ "${met%%:*}" != "$1" ] || { echo "mail that sendmail hands back would meet $1 again"; return; }
  # A transport map cannot name a pipe into sendmail: its mail would come back and go there again, for ever.
  { others "$1" $loops; held_back "$1"; } | head -n 1
}

no_detour() { # NAME: of an SMTP or LMTP filter
  { others "$1"; held_back "$1"; } >"$scratch/why"
  [ ! -s "$scratch/why" ] || { head -n 1 "$scratch/why"; return; }
  destinations "$1" >"$scratch/to"
  grep -qvxE '(inet:)?(\[?(127\.[0-9.]+|::1|localhost)\]?:[0-9]+)' "$scratch/to" &&
    { echo "the filter at $(grep -vxE '(inet:)?(\[?(127\.[0-9.]+|::1|localhost)\]?:[0-9]+)' "$scratch/to" | head -n 1) is not on this host's loopback: its way back is not known"; return; }
  back=$(way_back "$(head -n 1 "$scratch/to")")
  case $back in
    '') echo "no smtpd of master.cf takes mail back from the filter at $(head -n 1 "$scratch/to")" ;;
    *[[:space:]]*) echo "several smtpd of master.cf may take mail back from the filter: $(fold "$back")" ;;
  esac
}

stamping() { # NAME: the services that send their mail to it
  places >"$scratch/places"
  dump -M | awk -v name="$1" '
    FILENAME ~ /places$/ { n = split($0, at, "\t"); value[at[1]] = n > 1 ? at[2] : ""; next }
    $8 ~ /^(smtpd|pickup|qmqpd)$/ {
      key = $1 "/" $2; set = key in value ? value[key] : value["main"]
      sub(/:.*/, "", set)
      if (set == name) print key
    }' "$scratch/places" -
}

# Without the filter, mail does not meet the way back; and waiting mail goes through cleanup once more.
no_clear() { # NAME
  stamping "$1" >"$scratch/in"
  [ -s "$scratch/in" ] || { echo "$1 is named by FILTER in a map, not by content_filter: that is for a person to edit"; return; }
  twice=$(again_in_cleanup | head -n 1 | cut -f 1)
  [ -z "$twice" ] || { echo "what waits would go through cleanup once more, and ${twice##*/} would be applied again"; return; }
  [ -n "$(anywhere smtpd_milters)" ] || return 0
  while read -r place; do
    options=$(dump -xP | grep "^$place/receive_override_options =" || dump -x | grep '^receive_override_options =')
    case $options in
      *no_milters*) echo "mail that comes by $place meets its milters on the way back from the filter alone"; return ;;
    esac
  done <"$scratch/in"
}

stays_behind() { # NAME ENTRY: mail in flight that no lever can free
  case $(entry_kind "$2"):$(hands_back "$2") in
    pipe:script) echo "mail that hangs in $(entry_command "$2") at that moment stays there until Postfix ends it, $(of_main "${1}_time_limit") after it began: how much of it a script has handed on cannot be seen" ;;
    smtp:* | lmtp:*) command -v ss >/dev/null || echo "mail that hangs in the filter at that moment stays there until its time-outs: without ss (iproute2) its clients cannot be freed" ;;
  esac
}

cleared() { find "$STATE/saved" -name settings -exec sed -n "s/.*content_filter$TAB=\([^:$TAB]*\)[:$TAB].*/\1/p" {} + 2>/dev/null; } # NAME of filters taken out

lever_settings() { # LEVER NAME: FILE KEY BEFORE AFTER, in the order of the change
  case $1 in
    pass)
      before=$(setting master.cf "$2/unix")
      say master.cf "$2/unix" "$before" "=$(passing "${before#=}")" ;;
    clear)
      places | while IFS=$TAB read -r place value; do
        case $value in "$2" | "$2":*) ;; *) continue ;; esac
        case $place in main) file=main.cf key= ;; *) file=master.cf key=$place/ ;; esac
        say $file "${key}content_filter" "$(setting $file "${key}content_filter")" =
      done
      [ -z "$(others "$2")" ] || return 0 # held back, all its mail would wait
      before=$(setting main.cf defer_transports) after="=$2"
      case $before in =?*) after="$before $2" ;; esac
      case " $(printf %s "${before#?}" | tr , ' ') " in *" $2 "*) after=$before ;; esac
      say main.cf defer_transports "$before" "$after" ;;
  esac
}
do_filter_read() {
  read_config || { because $FAILED "$UNSAID"; return; }
  found=$(places) names=$(filters) proxies=$(anywhere smtpd_proxy_filter) milters=$(of_main smtpd_milters)
  case "${names:+f}${proxies:+p}${milters:+m}" in
    f*) say wiring content_filter ;;
    p*) say wiring proxy ;;
    m) say wiring milter ;;
    *) say wiring none ;;
  esac
  [ -z "$proxies" ] || printf '%s\n' "$proxies" | while IFS=$TAB read -r key value; do say proxy "$key" "$value"; done
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
    [ -z "$no" ] || continue
    lever_settings $lever "$names" | sed "s/^/setting\t$lever\t/"
    stays=$(stays_behind "$names" "${entry#=}")
    [ -z "$stays" ] || say note $lever "$stays"
    [ $lever != clear ] || say effect clear "$SESSIONS"
  done
  all_said || because $FAILED "$UNSAID"
}
