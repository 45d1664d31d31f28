# ---- waiting: the queue for people: which mail waits, since when, and why -------------------------------------------

# postqueue lists folder by folder, and may take long. What it lists in LISTED_S is read; of that, the OLDEST messages are
# told, and a SAMPLE, drawn so that each has the same chance: the first of a long queue may all be one sender's. What is
# counted comes first, and may take longer where the host is overloaded; all ends after some 6 s.
LISTED_S=1.2 OLDEST=50 SAMPLE=4000

do_queue() { # what=KIND=VALUE: only mail of this sender or recipient is told; the counts are of all mail
  case $what in '' | sender=* | recipient=*) ;; *) because $USAGE "not a value for what: $what"; return ;; esac
  queue=$(queue_dir) && cd "$queue" || { because $FAILED "no queue directory"; return; }
  say now "$(date +%s)"
  patience=2 deadline=$(($(uptime_s) + 6)) filters=yes HEADS=2000
  {
    waiting &
    counts || say error queue "the queue could not be counted in time"
    { read_config || unread=$UNSAID; look_queue; } | sed -n "s/^error${TAB}queue$TAB/error${TAB}frozen$TAB/; /^error/p; /^frozen/p"
    wait
  }
}

counts() { # of all mail; each message once, as in LISTED
  {
    timeout -k 1 3 find hold maildrop incoming active deferred hold maildrop incoming active corrupt -ignore_readdir_race -type f 2>/dev/null </dev/null
    printf '\nended %s\n' $?
  } | awk -F / '
    /^ended / { split($0, end, " "); next }
    NF > 1 && !($NF in met) { met[$NF] = 1; n[$1]++ }
    END {
      if (end[2] == 124 || end[2] == 137) exit 1
      for (q = split("incoming active deferred hold maildrop corrupt", name, " "); q; q--) print "queue\t" name[q] "\t" n[name[q]] + 0
    }'
}

# Rows `old` and `message`: QUEUE ID ARRIVAL BYTES RECIPIENTS SENDER RECIPIENT REASON, the last three as in JSON, so without
# a tab. `listed` MATCHED READ yes|no: whether all was read.
waiting() {
  case $what in sender=*) want="\"sender\": \"${what#*=}\"" ;; recipient=*) want="\"address\": \"${what#*=}\"" ;; *) want= ;; esac
  {
    timeout -k 1 $LISTED_S postqueue -j </dev/null 2>/dev/null
    printf '\nended %s\n' $?
  } | awk -v want="$want" -v most=$SAMPLE -v oldest=$OLDEST '
    function text(part, longest) {
      match(part, /^([^"\\]|\\.)*/)
      return substr(part, 1, RLENGTH < longest ? RLENGTH : longest)
    }
    function told(key, row) { # a quote inside a string is escaped, so it never looks like a key
      split(row, f, /[^A-Za-z0-9_]+/)
      split(row, from, "\"sender\": \"")
      n = split(row, to, "\"address\": \"")
      for (i = 2; i < n && !(want ~ /^"address/ ? index(tolower("\"address\": \"" to[i]), tolower(want)) == 1 : index(to[i], "\"delay_reason\": \"")); i++);
      if (i > n || split(to[i], why, "\"delay_reason\": \"") < 2) { if (want !~ /^"address/) i = 2; why[2] = "" }
      print key "\t" f[3] "\t" f[5] "\t" f[7] "\t" f[9] "\t" n - 1 "\t" text(from[2], 200) "\t" text(n < 2 ? "" : to[i], 200) "\t" text(why[2], 300)
    }
    function aged(row, since) {
      if (kept < oldest) { old[++kept] = row; t[kept] = since } else if (since < t[last]) { old[last] = row; t[last] = since } else return
      for (last = i = 1; i <= kept; i++) if (t[i] > t[last]) last = i
    }
    /^ended / { rc = $2; next }
    !/^[{]"queue_name": .*[}]$/ { next } # also the line that was cut off
    { read++ }
    want != "" && !index(tolower($0), tolower(want)) { next }
    {
      aged($0, $6 + 0)
      if (++matched <= most) sample[matched] = $0; else if ((k = int(rand() * matched) + 1) <= most) sample[k] = $0
    }
    END {
      if (rc != 0 && rc != 124 && rc != 137) { print "error\twaiting\tpostqueue ended with " rc; exit }
      for (j = 1; j <= kept; j++) told("old", old[j])
      for (j = 1; j <= matched && j <= most; j++) told("message", sample[j])
      print "listed\t" matched + 0 "\t" read + 0 "\t" (rc == 0 ? "yes" : "no")
    }'
}
