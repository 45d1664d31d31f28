# ---- main: which verb, with which keys ------------------------------------------------------------------------------

dispatch() {
  verb=${1-}
  [ $# -eq 0 ] || shift
  acting='run step attempt epoch limit config_dir' own= must=
  case $verb in
    hello) keys=limit ;;
    look) keys="limit config_dir spam spam_address scan top debts handler container peers filters patience log log_from waited" ;;
    unit) keys="limit config_dir kind name patience" must="kind name" ;;
    filter-read) keys="limit config_dir filter" ;;
    settings) 
      keys="limit config_dir"
      for pair; do case $pair in s[0-9]*=*) keys="$keys ${pair%%=*}" ;; esac; done ;;
    frozen) keys="limit config_dir filter" must=filter ;;
    queue) keys="limit config_dir what" ;;
    result) keys="limit run step attempt" must="run step attempt" ;;
    bypass) own="filter lever expect" must=$own ;;
    hold) own=what must=what ;;
    restore) own="of_run of_step" must=$own ;;
    requeue) own="filter batch" must=filter ;;
    restart) own="kind name answers speaks grace" must="kind name answers" ;;
    flush | settle | release) own= ;;
    debts) keys="limit of_run of_step" ;;
    epoch-set) keys="limit to from reason" must="to from" ;;
    installed) keys="limit config_dir user public" ;;
    install) keys="limit user public digest forced permits" must="user digest" ;;
    remove) keys="limit purge" ;;
    *) because $USAGE "no such verb: $verb"; return ;;
  esac
  case $verb in bypass | hold | restore | requeue | restart | flush | release | settle) keys="$acting $own" must="run step attempt epoch limit $must" ;; esac
  parse "$keys" "$@" || return
  need $must || return
  deadline=$(($(uptime_s) + ${limit:=30}))
  permitted || return
  export MAIL_CONFIG="$config_dir"
  [ "$verb" = hello ] || [ "$(id -u)" -eq 0 ] || { because $NOT_PERMITTED "not root"; return; }
  case $verb in hello | look | queue | debts | unit | result | installed) remembered ;; esac
  case $verb in
    settings) do_settings "$@" ;;
    bypass | hold | restore | requeue | restart | flush) act ;;
    hello | look | queue | debts | result | release) "do_$verb" ;; # they need no room
    *)
      scratch_somewhere || return
      "do_$(printf %s "$verb" | tr - _)" ;;
  esac
}

scratch_somewhere() {
  scratch_in /tmp || { rm -rf "$scratch"; scratch_in /run; } || because $REFUSED "no room for temporary files"
}

scratch_in() { # FOLDER: with some room; an act has its own, beside its result
  scratch=$(mktemp -d -p "$1") && head -c $ROOM /dev/zero >"$scratch/room" && rm "$scratch/room"
} 2>/dev/null

main() {
  scratch=
  printf '\nbegin\t%s\n' "$VERSION" # text before it is of the shell's start-up files, and no answer
  if [ "${1-}" = forced ]; then hand_over; else dispatch "$@"; fi
  rc=$?
  [ -z "$scratch" ] || rm -rf "$scratch"
  say end "$verb" $rc
  exit $rc
}

main "$@"
