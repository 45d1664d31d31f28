# ---- flush: let what waits be tried now -----------------------------------------------------------------------------

do_flush() {
  to_queue || { because $FAILED "no queue directory"; return; }
  n=$(bounded 10 find incoming active deferred incoming active -type f -printf '%f\n' </dev/null 2>/dev/null | sort -u | wc -l)
  begins
  flushed || { because $FAILED "postqueue -f: $(tail -n 1 "$scratch/said" | tr -c '[:print:]' ' ' | cut -c 1-300)"; return; }
  say flushed "$n"
}

# Refused while qmgr restarts (a reload); waits while qmgr or pickup has too many triggers.
flushed() {
  until bounded 15 postqueue -f </dev/null >"$scratch/said" 2>&1; do
    [ -s "$scratch/said" ] || echo "not taken in time" >"$scratch/said"
    [ "$(left_s)" -gt 1 ] || return 1
    sleep 0.5
  done
}
