# ---- queue: the waiting mail, and the mail that is fixed to a filter ------------------------------------------------

HEADS=5000 # most queue files that one look opens

# Mail moves while its folders are listed; a flush moves all of it at once. Folders are listed in this order, and files are
# opened before the next folder is listed: so a file that moves once is seen in its old or its new folder.
LISTED="hold maildrop incoming active, deferred, hold maildrop incoming active"

look_queue() { # the queue files, and the first bytes of at most HEADS files: their T (arrival) and L (filter) records
  # With `waited`: also the number that is at least so many seconds old. Seconds, so that no two clocks are compared.
  to_queue || { say error queue "no queue directory"; return; }
  names= deep=0
  [ -z "$waited" ] || deep=1
  if [ "$filters" = yes ]; then
    deep=1
    [ -z "$unread" ] || say error frozen "$unread"
    filters | while IFS=$TAB read -r name to; do say filter "$name" "$to"; done
    names=$({ filters | cut -f 1; cleared; of_main defer_transports | tr -s ', ' '\n'; } | grep -x '[A-Za-z0-9._-]*' | sort -u)
  fi
  # A record is its type, its length, its data; a control character may be the length, so all become spaces.
  heads='xargs -r head -v -c 400 2>/dev/null | tr "\000-\037" " " | grep -aoE "==> [a-z]+/[0-9A-Za-z/]+ <==|T.[0-9]{10} "'
  heads=${heads%\"}$(for name in $names; do printf '|L.%s[:A-Z]' "$name"; done)\"
  rest=$(left_s)
  HEADS_COMMAND=$heads awk -v most=$HEADS -v deep=$deep -v within=$((rest < patience ? rest : patience)) -v listed="$LISTED" '
      function uptime() { getline up <"/proc/uptime"; close("/proc/uptime"); return up + 0 }
      function met(path) {
        last = split(path, at, "/")
        mail = at[last]
        if (!(mail in known)) { known[mail] = 1; n[at[1]]++ }
        if (at[1] != "active" && at[1] != "incoming" && !(deep && at[1] == "deferred") || path in opened) return
        if (!(mail in due)) { due[mail] = total++ < most; examined += due[mail] }
        if (due[mail]) { opened[path] = 1; print path | heads }
      }
      BEGIN {
        heads = ENVIRON["HEADS_COMMAND"]
        end = uptime() + within
        for (k = split(listed, folders, ","); i++ < k;) {
          if ((rest = end - uptime()) <= 0) { print "ended"; exit }
          find = sprintf("timeout -k 1 %d find %s -type f 2>/dev/null || [ $? -lt 124 ] || echo ended", rest + 1, folders[i])
          while ((find | getline path) > 0) { if (path == "ended") { print "ended"; exit } met(path) }
          close(find)
          close(heads)
        }
        for (q = split("incoming active deferred hold maildrop", name, " "); q; q--) print "queue", name[q], n[name[q]] + 0
        print "read", examined + 0, total + 0
      }' </dev/null |
    awk -v now="$(date +%s)" -v names="$names" -v waited="$waited" '
      /^==>/ { last = split($2, at, "/"); again = at[last] in read; t = 0; seen = 0; early = 0; next }
      /^[TL]/ && again { next }
      /^T/ {
        if (t) next
        read[at[last]] = 1
        t = substr($0, 3, 10)
        if (t > now + 5) { late++; early = 0; next } # the clock was set back: how long it waits is not known
        if (at[1] != "deferred" && (!old || t < old)) old = t
        early = waited != "" && t <= now - waited
        w[at[1] == "deferred" ? "deferred" : "pending"] += early
        next
      }
      /^L/ {
        if (seen) next
        seen = 1; f = substr($0, 3, length($0) - 3); n[f]++; w["frozen"] += early
        if (!min[f] || t < min[f]) min[f] = t
        next
      }
      /^ended/ { print "error\tqueue\tthe queue could not be listed in time"; next }
      /^queue/ { print $1 "\t" $2 "\t" $3; next }
      /^read/ {
        print "oldest\t" (old ? now - old : late ? "?" : 0) "\t" $2 "\t" $3
        for (i = split(names, name, " "); i; i--)
          print "frozen\t" name[i] "\t" n[name[i]] + 0 "\t" (min[name[i]] ? now - min[name[i]] : 0) "\t" $2 "\t" $3
        for (i = waited == "" ? 0 : split("pending deferred frozen", which, " "); i; i--)
          print "waited\t" which[i] "\t" w[which[i]] + 0 "\t" $2 - late "\t" $3
      }'
}

frozen_files() { # NAME: `INODE QUEUE ID ARRIVAL` of each queue file stamped for it, into $scratch/frozen; prints the rounds it took
  # postcat stops at the first file that has moved, so the rest is asked for again, by id. If mail flows fast that takes
  # many rounds; it ends with our time, or if nothing more can be read.
  true >"$scratch/said" && true >"$scratch/all" && true >"$scratch/open" && rounds=0 same=0 many=200
  while :; do
    bounded 60 find incoming active deferred incoming active -ignore_readdir_race -type f -perm -0700 -printf '%i %p\n' >"$scratch/now" 2>/dev/null </dev/null || return 1
    [ $rounds -gt 0 ] || cp "$scratch/now" "$scratch/all"
    awk '
      { n = split(FILENAME ~ /said$/ ? $4 : $2, at, "/"); id = at[n] }
      FILENAME ~ /said$/ { if (/^\*\*\* ENVELOPE RECORDS /) known[id] = 1; next }
      FILENAME ~ /all$/ { asked[id] = 1; next }
      asked[id] && !known[id] { at_last[id] = $2 }
      END { for (id in at_last) print at_last[id] }
    ' "$scratch/said" "$scratch/all" "$scratch/now" | sort >"$scratch/next"
    [ -s "$scratch/next" ] || break
    if cmp -s "$scratch/next" "$scratch/open"; then same=$((same + 1)); else same=0; fi
    mv -f "$scratch/next" "$scratch/open"
    [ $same -lt 20 ] && [ "$(left_s)" -gt 0 ] || return 1
    bounded 300 xargs -n $many postcat -e <"$scratch/open" >>"$scratch/said" 2>/dev/null
    rounds=$((rounds + 1)) many=20
  done
  awk -v name="$1" '
    { split(name, to, ":") }
    FILENAME ~ /now$/ { n = split($2, at, "/"); inode[at[n]] = $1; queue[at[n]] = at[1]; next }
    /^\*\*\* ENVELOPE RECORDS / { n = split($4, at, "/"); id = at[n]; next }
    /^message_arrival_time: / { arrived[id] = sprintf("%s-%02d-%02dT%s", $6, (index("JanFebMarAprMayJunJulAugSepOctNovDec", $3) + 2) / 3, $4, $5) }
    /^content_filter: / { split($2, to, ":"); if (to[1] == name) stamped[id] = 1; else delete stamped[id] }
    END { for (id in stamped) if (id in queue) print inode[id], queue[id], id, arrived[id] }
  ' "$scratch/now" "$scratch/said" >"$scratch/frozen" || return 1
  echo $rounds
}

unread_queue() { # why frozen_files failed
  if [ "$(left_s)" -le 0 ]; then echo "the queue could not be read whole in time"; else echo "not all of the queue could be read: $(head -n 1 "$scratch/open")"; fi
}

do_frozen() {
  to_queue || { because $FAILED "no queue directory"; return; }
  passes=$(frozen_files "$filter") || { because $FAILED "$(unread_queue)"; return; }
  oldest=$(cut -d ' ' -f 4 "$scratch/frozen" | sort | head -n 1)
  [ -z "$oldest" ] || oldest=$(($(date +%s) - $(date -d "$oldest" +%s)))
  say frozen "$filter" "$(grep -c . "$scratch/frozen")" "${oldest:-0}" "$passes"
}
