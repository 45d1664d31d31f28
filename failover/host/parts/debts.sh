# ---- debts: what we owe this host: mail that we hold, our changes in force ------------------------------------------
#
# A file of $STATE/held lists the mail that a requeue puts on hold: first SINCE, CONFIG_DIR and its queue, then rows of
# `ID INODE`. Its name is RUN,STEP,ATTEMPT. It is on the disk before the hold, and is removed when none is on hold.

HOLDING=60 # seconds after SINCE: by then the postsuper of a list has ended

held_lists() { find "$STATE/held" -maxdepth 1 -type f ! -name '.*' ! -name '*.tmp' -printf '%f\n' 2>/dev/null | sort; }
counted() { if [ -z "$1" ]; then echo 0; else printf '%s\n' "$1" | wc -l; fi; } # the lines of a text

list_of() { # NAME: its $list, $of_run, $of_step, $of_since, $of_dir, $of_queue
  list=$STATE/held/$1 of_run=${1%%,*} of_step=${1#*,} of_since=0 of_dir=- of_queue=
  of_step=${of_step%%,*}
  IFS=$TAB read -r of_since of_dir of_queue <"$list" && [ -n "$of_queue" ]
}

# A message on hold with a listed id may be ours, unless a discharge saw it elsewhere. It is surely ours if its inode is
# listed, too (no listed file was on hold then), and if it was put on hold within HOLDING. Mail that is not surely ours
# (clocks are set, owners changed, spools copied back) stays a debt: only a person who names run and step lets it go.
on_hold() { # any|sure: the ids of $list that are on hold; 1: nobody can tell
  found=$(bounded 10 find "$of_queue/hold" -type f -printf '%f %i %C@\n' </dev/null 2>/dev/null) || return 1
  printf '%s\n' "$found" | awk -v which="$1" -v most="$((of_since + HOLDING))" '
    FNR == 1 { file++ }
    file == 1 { if (FNR > 1) { listed[$1] = 1; ours[$1 " " $2] = 1 } next }
    which == "any" ? $1 in listed : ($1 " " $2) in ours && $3 <= most { print $1 }
  ' "$list" -
}

discharge() { # let go our held mail that no requeue works on, in every instance, and tell; 1: some may stay on hold
  adopt_moving
  load
  released=0 owing=0
  [ -z "$(held_lists)" ] || discharge_all
  if [ "$verb" = release ]; then say released $released; elif [ $released -gt 0 ]; then say freed $released; fi
  return $owing
}

discharge_all() {
  until_then=$deadline
  case $verb in release | settle | remove) ;; *) deadline=$((deadline - $(left_s) / 2)) ;; esac # the act itself needs time, too
  at_least 5
  if holding; then
    for name in $(held_lists); do
      which=sure
      case $verb:$name in "release:$run,$step",*) which=any ;; esac
      list_of "$name" && discharge_one $which || owing=1
    done
    exec 8>&-
  else
    owing=1
  fi
  deadline=$until_then
}

at_least() { # SECONDS: held mail must be let go, even at the end of our time
  [ "$(left_s)" -ge "$1" ] || deadline=$(($(uptime_s) + $1))
}

holding() { # descriptor 8 goes to each postsuper of ours: so we can wait for one of a dead act, which may still hold mail
  mkdir -p "$STATE/held" && true >>"$STATE/held/.lock" || return
  exec 8>>"$STATE/held/.lock"
  rest=$(left_s)
  flock -w "$((rest > 1 ? rest : 1))" 8 || { exec 8>&-; return 1; }
}

discharge_one() { # any|sure: let go that mail of $list; the list keeps the rest, and is removed if there is none
  ids=$(on_hold "$1") || return 1
  if [ -n "$ids" ]; then
    printf '%s\n' "$ids" | (export MAIL_CONFIG="$of_dir" && bounded $(($(left_s) - 2)) postsuper -H - hold) >/dev/null 2>&1
  fi
  still=$(on_hold "$1") && rest=$(on_hold any) || return 1
  released=$((released + $(counted "$ids") - $(counted "$still")))
  if [ -n "$rest" ]; then shorten; return 1; fi
  rm -f "$list" && sync "$STATE/held"
}

shorten() { # $list to $rest: mail that is held again later, somebody else holds
  printf '%s\n' "$rest" | awk 'FILENAME == "-" { held[$1] = 1; next } FNR == 1 || $1 in held' - "$list" >"$STATE/held/.shorter" &&
    ! cmp -s "$STATE/held/.shorter" "$list" && put "$list" <"$STATE/held/.shorter"
  rm -f "$STATE/held/.shorter"
}

adopt_moving() { # the list of an earlier release: ids, and neither an instance nor inodes
  [ -s "$STATE/moving" ] || return 0
  mkdir -p "$STATE/held" || return
  since=$(stat -c %Y "$STATE/moving") n=0
  own=$(ask -h config_directory) && others=$(MAIL_CONFIG=/etc/postfix ask -h multi_instance_directories) || return
  for dir in $own $(printf %s "$others" | tr , ' '); do
    [ -e "$dir/main.cf" ] || continue
    queue=$(export MAIL_CONFIG="$dir" && queue_dir) || return
    theirs=$(bounded 10 find "$queue/hold" -type f -printf '%f %i\n' </dev/null 2>/dev/null) || continue
    n=$((n + 1))
    { printf '%s\t%s\t%s\n' "$since" "$dir" "$queue"; printf '%s\n' "$theirs" | grep -wF -f "$STATE/moving"; } |
      put "$STATE/held/before,moving,$n" || return
  done
  [ $n -eq 0 ] || rm -f "$STATE/moving"
}

do_release() { # as each act does first; no room and no result are needed, since a repeat does no harm
  lock "$((limit < 10 ? limit : 10))" || return
  not_stale || return
  discharge
  remembered_epoch || say note "epoch $epoch cannot be written: an act of a lower one is not refused here"
  exec 9>&-
  [ $owing -eq 0 ] && return
  debts_held | sed 's/^/debt\t/'
  because $FAILED "mail that failover put on hold cannot be released: Postfix or its disk does not let us"
}

# ---- the debts as rows, for a look: complete, and cheap ---------------------------------------------------------------

debts() {
  debts_held
  debts_force
  debts_unloaded
  say saved "$(find "$STATE/saved" -mindepth 1 -maxdepth 1 -type d ! -name '.*' 2>/dev/null | wc -l)"
  if [ -z "$unbelieved" ]; then say epoch "$(highest_epoch)"; else say unbelieved "$unbelieved"; fi
}

do_debts() { # and how one saved change reads now, for a restore
  debts | sed 's/^/debt\t/'
  [ -n "$of_run" ] && [ -n "$of_step" ] || return 0
  saved=$STATE/saved/$of_run,$of_step
  [ -e "$saved/settings" ] || { because $REFUSED "nothing was saved here for $of_run, $of_step"; return; }
  read -r dir <"$saved/config_dir" && say saved "$(stat -c %Y "$saved/settings")" "$dir"
  ! put_back_whole "$dir" || { say undone "$(stat -c %Y "$saved/undone")"; return; }
  while IFS=$TAB read -r file key before after; do
    now=$(MAIL_CONFIG=$dir && setting "$file" "$key") || { because $FAILED "$UNSAID"; return; }
    say change "$file" "$key" "$now" "$before" "$after"
  done <"$saved/settings"
}

put_back_whole() { # CONFIG_DIR: is $saved undone, and did its bytes not come back?
  [ -e "$saved/undone" ] || return 1
  for file in main.cf master.cf; do
    cmp -s "$saved/before/$file" "$saved/wanted/$file" || cmp -s "$saved/wanted/$file" "$1/$file" || return 0
  done
  return 1
}

debts_held() { # held N SINCE RUN STEP CONFIG_DIR left|unsure|busy; N is ? if nobody can tell
  for name in $(held_lists); do
    list_of "$name" && sure=$(on_hold sure) && all=$(on_hold any) || { say held '?' "$of_since" "$of_run" "$of_step" "$of_dir" "$(at_work "$name" left)"; continue; }
    n=$(counted "$sure") rest=$(counted "$all")
    [ "$n" = 0 ] || say held "$n" "$of_since" "$of_run" "$of_step" "$of_dir" "$(at_work "$name" left)"
    [ "$rest" -le "$n" ] || say held $((rest - n)) "$of_since" "$of_run" "$of_step" "$of_dir" "$(at_work "$name" unsure)"
  done
  [ ! -s "$STATE/moving" ] || say held "$(grep -c . "$STATE/moving")" "$(stat -c %Y "$STATE/moving")" before moving - left
}

at_work() { # RUN,STEP,ATTEMPT WORD: busy if an act works on it now, else WORD
  if [ "$(tr ' ' , 2>/dev/null <"$STATE/holder")" = "$1" ] && ! flock -n "$STATE/lock" true; then echo busy; else echo "$2"; fi
}

debts_unloaded() { # unloaded SINCE RUN STEP CONFIG_DIR left|busy of each instance that has not loaded our change
  for dir in $(marked); do
    (config_dir=$dir && export MAIL_CONFIG="$dir" && unloaded && read -r _ _ _ of_run of_step since <"$(mark)" || exit
      if flock -n "$STATE/lock" true; then state=left; else state=busy; fi
      say unloaded "${since:-0}" "${of_run:-before}" "${of_step:-unloaded}" "$dir" "$state")
  done
}

debts_force() { # force RUN STEP SINCE FILE KEY CONFIG_DIR of each setting that reads as we set it, for the newest change
  saved_states | while read -r since name dir state; do
    [ "$state" != no ] || state=$(not_loaded "$dir")
    [ "$state" != no ] || continue
    saved=$STATE/saved/$name
    reading "$state" | while IFS=$TAB read -r file key; do [ -z "$file" ] || say force "${name%%,*}" "${name#*,}" "$since" "$file" "$key" "$dir"; done
  done | awk -F "$TAB" '!seen[$5, $6, $7]++'
}

not_loaded() { (config_dir=$1 && export MAIL_CONFIG="$1" && edited) && echo yes || echo no; } # DIR: does it run by older files?

# Each saved change, newest first: SINCE RUN,STEP CONFIG_DIR, and `yes` if all its files have our bytes, `no` if all have
# the bytes from before, else `ask`. One sha256sum for all of them. A change that was put back counts only if all our
# bytes are there again (a backup, a checkout).
saved_states() {
  old=0
  find "$STATE/saved" -mindepth 2 -maxdepth 2 -name settings ! -path '*/.*' -printf '%T@ %h\n' 2>/dev/null | sort -rn |
    while read -r at saved; do
      undone=no
      [ ! -e "$saved/undone" ] || { undone=yes old=$((old + 1)) && [ "$old" -le 3 ] || continue; }
      read -r dir 2>/dev/null <"$saved/config_dir" && echo "$saved ${at%.*} $dir $undone"
    done | {
      list=$(cat)
      [ -n "$list" ] || exit 0
      printf '%s\n' "$list" | awk '{
        for (f = split("main.cf master.cf", file, " "); f; f--) {
          print $1 "/before/" file[f]; print $1 "/wanted/" file[f]
          if (!seen[$3, f]++) print $3 "/" file[f]
        }
      }' | bounded 10 xargs -r sha256sum 2>/dev/null | { printf '%s\n' "$list"; echo; cat; } | awk '
        !NF { read = 1; next }
        !read { n++; at[n] = $1; since[n] = $2; dir[n] = $3; undone[n] = $4; next }
        { sha[$2] = $1 }
        END {
          for (i = 1; i <= n; i++) {
            as = was = other = 0
            for (f = split("main.cf master.cf", file, " "); f; f--) {
              b = sha[at[i] "/before/" file[f]]; w = sha[at[i] "/wanted/" file[f]]; c = sha[dir[i] "/" file[f]]
              if (b == w && b != "") continue
              if (c == "" || b == "" || w == "") other++; else if (c == w) as++; else if (c == b) was++; else other++
            }
            state = other || (as && was) ? "ask" : as ? "yes" : "no"
            if (undone[i] == "yes" && state != "yes") continue
            sub(/.*\//, "", at[i])
            print since[i], at[i], dir[i], state
          }
        }'
    }
}

reading() { # yes|ask: FILE KEY of each setting of $saved that reads as we set it; cached for these bytes
  if [ "$1" = yes ]; then
    while IFS=$TAB read -r file key before after; do [ "$before" = "$after" ] || printf '%s\t%s\n' "$file" "$key"; done <"$saved/settings"
    return
  fi
  [ -e "$dir/main.cf" ] || return 0 # a removed instance
  [ ! -e "$saved/held" ] || { ask_reading; return; } # the queue's, and not of these bytes
  bytes=$(cat "$dir/main.cf" "$dir/master.cf" 2>/dev/null | sha256sum | cut -c 1-64)
  if read -r of 2>/dev/null <"$saved/reads" && [ "$of" = "$bytes" ]; then sed 1d "$saved/reads"; return; fi
  (export MAIL_CONFIG="$dir" && queue_dir >/dev/null) || { printf '%s\t%s\n' main.cf 'which postconf cannot read'; return; }
  now=$(ask_reading) sure=$?
  printf '%s\n' "$now"
  [ $sure -eq 0 ] && { echo "$bytes"; printf '%s\n' "$now"; } >"$saved/.reads.$$" && mv -f "$saved/.reads.$$" "$saved/reads" || rm -f "$saved/.reads.$$"
} 2>/dev/null

ask_reading() { # a setting that postconf does not tell counts as in force, and is asked again
  sure=0
  while IFS=$TAB read -r file key before after; do
    [ "$before" != "$after" ] || continue
    now=$(MAIL_CONFIG=$dir && setting "$file" "$key") || { sure=1 now=$after; }
    [ "$now" != "$after" ] || printf '%s\t%s\n' "$file" "$key"
  done <"$saved/settings"
  return $sure
}

still_held() { # the number of messages in $queue on hold by our lists
  for name in $(held_lists); do list_of "$name" && [ "$of_queue" = "$queue" ] && on_hold any; done | sort -u | grep -c .
}

in_force() { debts_force | cut -f 2,3 | sort -u; } # RUN STEP of each change in force

standing() { # each debt, with the command that ends it
  debts_held | while IFS=$TAB read -r _ n _ of_run of_step of_dir _; do
    say "$n messages on hold by run $of_run, step $of_step ($of_dir)"
  done
  in_force | while IFS=$TAB read -r of_run of_step; do say "run $of_run, step $of_step is in force"; done
  for dir in $(marked); do (config_dir=$dir && export MAIL_CONFIG="$dir" && ! unloaded || say "$dir: $UNLOADED"); done
}
