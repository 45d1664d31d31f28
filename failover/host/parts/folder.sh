# ---- folder: the memory of this host lies in a folder of root's alone; nothing in any other is believed ---------------

STATE=/var/lib/failover-host
OLD_STATE=/var/lib/failover # of version 1; where a controller lives on this host, its folder as well
OLD_EPOCH=moved-to-$STATE   # the epoch that a helper of version 1 reads there: it refuses to act, and shows this
OURS='saved unloaded held results keys scratch moving resets restarts epoch holder lock' # all the names in it

rooted() { # PATH: only root could have put it there: each folder on the way is root's, also behind links
  _rest=$1 _at='' _links=0
  set -- /
  while [ -n "$_rest" ]; do
    _name=${_rest%%/*}
    case $_rest in */*) _rest=${_rest#*/} ;; *) _rest= ;; esac
    case $_name in '' | .) continue ;; ..) _at=${_at%/*}; continue ;; esac
    _at=$_at/$_name
    if [ -L "$_at" ]; then
      _links=$((_links + 1))
      [ $_links -le 20 ] && _to=$(readlink "$_at") || return 1
      case $_to in /*) _at= ;; *) _at=${_at%/*} ;; esac
      _rest=$_to/$_rest
    else
      set -- "$@" "$_at"
    fi
  done
  ! stat -c '%u %A' "$@" 2>&1 | grep -qv '^0 .....-..-.'
}

alone() { # FOLDER: a folder, no link, of root alone; and only root could have put it there
  [ ! -L "$1" ] && case $(stat -c '%u %A' "$1" 2>/dev/null) in '0 drwx--'[-S]'---') rooted "${1%/*}" ;; *) return 1 ;; esac
}

folder_no() { # the sentence that forbids to believe what lies in STATE, or nothing
  if [ -e "$STATE" ] || [ -L "$STATE" ]; then
    alone "$STATE" || echo "$STATE is not root's alone ($(stat -c '%A %U:%G' "$STATE" 2>/dev/null)): nothing in it is believed." \
      "Look whose it is, and move it away; what is in force from there, a person puts back: main.cf and master.cf are kept under saved/*/before"
  else
    rooted "${STATE%/*}" || echo "${STATE%/*} is not in root's hands alone (ls -ld ${STATE%/*}, and each folder above it)"
  fi
}

old_things() { # is memory of a helper of version 1 still there? its name; at most 2 s
  [ -e "$OLD_STATE" ] || return
  found=$(bounded 2 find -P "$OLD_STATE/" -mindepth 1 -maxdepth 2 \( -path '*/saved/[!.]*' -o -path '*/results/*' -o -path '*/keys/*' \
    -o -path "$OLD_STATE/moving" -o -path "$OLD_STATE/restarts" -o -path "$OLD_STATE/resets" -o -path "$OLD_STATE/epoch" -size -16c \) \
    ! -name '*.tmp' -printf '%P\n' -quit 2>/dev/null)
  [ -n "$found" ]
}

old_no() { # the sentence that forbids to believe it, or nothing: each part must be root's, and no link
  set --
  for _name in $OURS; do
    if [ -e "$OLD_STATE/$_name" ] || [ -L "$OLD_STATE/$_name" ]; then set -- "$@" "$OLD_STATE/$_name"; fi
  done
  alone "$OLD_STATE" && odd=$(bounded 5 find -P "$@" \( -type d \( ! -uid 0 -o -perm /022 \) -o ! -type d ! -type f \
    -o -type f \( ! -uid 0 -o -links +1 \) \) -print -quit) && [ -z "$odd" ] ||
    echo "$OLD_STATE/$found is an older failover-host's, and others than root could write there: nothing of it is believed." \
      "What is in force from there, a person puts back (saved/*/before); then: cd $OLD_STATE && rm -r saved results keys epoch"
}

remembered() { # for reading verbs: STATE is the folder of now; if it is not believed nothing is read, and $unbelieved says why
  unbelieved=$(folder_no)
  if [ -z "$unbelieved" ] && [ ! -d "$STATE" ] && old_things; then
    unbelieved=$(old_no) STATE=$OLD_STATE
  fi
  [ -z "$unbelieved" ] || STATE=/dev/null
}

folder() { # SECONDS: STATE is there and root's alone, with the memory of the old folder; else refused, and why
  no=$(folder_no)
  [ -z "$no" ] || { because $NOT_PERMITTED "$no"; return; }
  old_moved "$1" stage_old || return
  mkdir -p "$STATE/results" "$STATE/saved" && true >>"$STATE/lock" || { because $REFUSED "cannot write $STATE"; return; }
}

old_moved() { # SECONDS HOW: under the lock of the old folder; after a kill the next act goes on
  old_things || return 0
  no=$(old_no)
  [ -z "$no" ] || { because $NOT_PERMITTED "$no"; return; }
  (
    flock -w "$1" 8 || { because $BUSY "an older failover-host is acting here"; exit; }
    $2 || { because $REFUSED "what $OLD_STATE holds cannot be moved to $STATE"; exit; }
  ) 8>>"$OLD_STATE/lock"
}

stage_old() { # atomic: the old folder is read until STATE has its name
  [ ! -d "$STATE" ] || return 0
  rm -rf "$STATE.new" && mkdir "$STATE.new" && take_in "$STATE.new" && mv -T "$STATE.new" "$STATE" && sync "${STATE%/*}"
}

absorb_old() { take_in "$STATE" && drop_old; } # also acts of an older helper since

take_in() { # FOLDER: a copy of each thing of the old folder that is not there yet
  for kind in saved results keys; do
    [ -d "$OLD_STATE/$kind" ] || continue
    [ -d "$1/$kind" ] || { take_one "$1" $kind && continue || return; }
    find -P "$OLD_STATE/$kind" -mindepth 1 -maxdepth 1 ! -name '.*' ! -name '*.tmp' -printf '%f\n' |
      while read -r one; do [ -e "$1/$kind/$one" ] || take_one "$1" "$kind/$one" || exit; done || return
  done
  for kind in moving restarts resets; do
    [ ! -e "$OLD_STATE/$kind" ] || { cat "$1/$kind" 2>/dev/null; cat "$OLD_STATE/$kind"; } | put "$1/$kind" || return
  done
  read -r theirs 2>/dev/null <"$OLD_STATE/epoch" || theirs=0
  read -r seen 2>/dev/null <"$1/epoch" || seen=0
  case $theirs in *[!0-9]*) theirs=0 ;; esac
  [ "$theirs" -le "$seen" ] || echo "$theirs" | put "$1/epoch"
}

take_one() { # FOLDER NAME: whole, on the disk, then by its name
  rm -rf "$1/.in" && bounded 20 cp -aT "$OLD_STATE/$2" "$1/.in" && bounded 20 find "$1/.in" -exec sync {} + && mv -T "$1/.in" "$1/$2"
}

drop_old() { # by name; an epoch stays that makes each older helper refuse
  echo "$OLD_EPOCH" | put "$OLD_STATE/epoch" || return
  for kind in saved results keys moving restarts resets holder; do rm -rf "${OLD_STATE:?}/$kind" || return; done
}

purge() { # our files, by name; files of others stay, and are named
  for kind in $OURS; do rm -rf "${STATE:?}/$kind"; done
  find -P "$STATE" -mindepth 1 -maxdepth 1 -name '*.tmp' -type f -exec rm -f {} +
  if rmdir "$STATE" 2>/dev/null; then say did state removed; else say did state left "$(find -P "$STATE" -mindepth 1 -maxdepth 1 -printf '%f ')"; fi
  [ "$(bounded 2 cat "$OLD_STATE/epoch" 2>/dev/null)" != "$OLD_EPOCH" ] || ! alone "$OLD_STATE" ||
    { rm -f "$OLD_STATE/epoch" "$OLD_STATE/lock"; rmdir "$OLD_STATE" 2>/dev/null; return 0; }
}
