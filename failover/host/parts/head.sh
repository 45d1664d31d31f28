#!/bin/sh
# failover-host: all that failover does on a mail host is a verb of this file.
#
#   failover-host VERB KEY=VALUE ...          installed, root-owned; or sent, on stdin, to
#   /bin/sh -c 'eval "$(cat)"' failover-host VERB KEY=VALUE ...
#   failover-host forced                      as the forced command of a key: the same, and nothing else, by sudo
#
# Its last line calls main: a text that was cut short only defines functions.
# It needs Postfix, bash (for /dev/tcp) and GNU coreutils, findutils, grep, util-linux, awk, as in Debian.
#
# Laws
#   1. Values are data: each is matched against a strict pattern, none is ever evaluated.
#   2. An acting verb holds the lock, checks the epoch, writes `running` before and its result after.
#      An act is done once per (run, step, attempt); a repeat gets the stored answer.
#   3. The bytes for the undo are on this disk, synced, before the change is made.
#   4. Nobody's edit is overwritten: a file is replaced only if it has the bytes that were read.
#   5. Nothing here waits for ever, and no service that is started inherits the lock.
#   6. Mail is never delivered twice by us: a delivery that is handing over is left alone.
#
# Answer: rows of tab-separated fields from `begin VERSION` to `end VERB RC`. Without the last row it was cut off.
# A setting reads `=VALUE`, or `-` when absent; it is named by a file and a key:
#   main.cf content_filter | master.cf smtp/inet/content_filter | master.cf spamassassin/unix (the whole entry)

# For shellcheck: exceptions, each with its reason:
# shellcheck disable=SC2086,SC2046 # words are split on purpose: set -f is on, IFS is ours, each value matches a pattern
# shellcheck disable=SC2015 # `A && B || C`: C is wanted as well when B fails
# shellcheck disable=SC2329 # main calls the verbs by their names
# shellcheck disable=SC2030,SC2031 # what a subshell sets is for it alone
# shellcheck disable=SC1007 # `run= step=` empties several at once
# shellcheck disable=SC2016 # texts for another program, which expands them
# shellcheck disable=SC2034 # OK is named for the reader

VERSION=2
OK=0 USAGE=64 FAILED=70 CHANGED=73 BUSY=75 STALE=76 NOT_PERMITTED=77 REFUSED=78

set -u -f
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC0
export PATH LC_ALL TZ
unset MAIL_CONFIG MAIL_VERBOSE MAIL_DEBUG CDPATH ENV BASH_ENV GREP_OPTIONS POSIXLY_CORRECT TMPDIR
IFS=' 	
'
TAB='	'
run= step= attempt= epoch= limit= config_dir=/etc/postfix filter= lever= expect= of_run= of_step= batch=200 to= from=
spam=none spam_address= scan=no top=yes debts=yes handler= peers= filters=no patience=5 container= waited=
what= kind= name= answers= speaks=smtp grace=10 log= log_from=
user= public= digest= forced=no purge=no reason= permits= unlisted=
unbelieved= unread= conf_xn= conf_x= conf_xP= conf_M=
trap '' HUP PIPE # a lost connection never stops an act half-way
