SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.cycles (
    id integer NOT NULL,
    at text NOT NULL,
    data text NOT NULL
);
CREATE SEQUENCE public.cycles_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.cycles_id_seq OWNED BY public.cycles.id;
CREATE TABLE public.epochs (
    id integer NOT NULL,
    last bigint NOT NULL
);
CREATE SEQUENCE public.epochs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.epochs_id_seq OWNED BY public.epochs.id;
CREATE TABLE public.events (
    run text NOT NULL,
    seq integer NOT NULL,
    at text NOT NULL,
    kind text NOT NULL,
    step text,
    data text NOT NULL
);
CREATE TABLE public.incidents (
    key text NOT NULL,
    first text NOT NULL,
    seen text NOT NULL,
    said text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    spells text DEFAULT '[]'::text NOT NULL,
    spoken text
);
CREATE TABLE public.leases (
    scope text NOT NULL,
    run text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    until text NOT NULL
);
CREATE TABLE public.looks (
    id integer NOT NULL,
    at text NOT NULL,
    signals text NOT NULL
);
CREATE SEQUENCE public.looks_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.looks_id_seq OWNED BY public.looks.id;
CREATE TABLE public.meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.outbox (
    number integer NOT NULL,
    channel text NOT NULL,
    key text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    resolves boolean NOT NULL,
    since text NOT NULL,
    due text NOT NULL,
    tries integer NOT NULL,
    why text NOT NULL
);
CREATE SEQUENCE public.outbox_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_number_seq OWNED BY public.outbox.number;
CREATE TABLE public.pauses (
    host text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    since text NOT NULL,
    until text NOT NULL
);
CREATE TABLE public.proposals (
    key text NOT NULL,
    plan text NOT NULL,
    host text,
    at text NOT NULL,
    until text NOT NULL
);
CREATE TABLE public.runs (
    id text NOT NULL,
    opened text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    plan text NOT NULL,
    key text
);
ALTER TABLE ONLY public.cycles ALTER COLUMN id SET DEFAULT nextval('public.cycles_id_seq'::regclass);
ALTER TABLE ONLY public.epochs ALTER COLUMN id SET DEFAULT nextval('public.epochs_id_seq'::regclass);
ALTER TABLE ONLY public.looks ALTER COLUMN id SET DEFAULT nextval('public.looks_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN number SET DEFAULT nextval('public.outbox_number_seq'::regclass);
INSERT INTO public.epochs VALUES (1, 1597126712);
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 1, '2020-08-11T06:02:05.540000+00:00', 'begun', NULL, '{"direction":"forward","by":"kim@ops1","epoch":1597125725}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 2, '2020-08-11T06:02:05.930000+00:00', 'intent', 'bypass', '{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 3, '2020-08-11T06:02:06.350000+00:00', 'acted', 'bypass', '{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"5","left":"5"}}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 4, '2020-08-11T06:02:12.020000+00:00', 'verified', 'bypass', '{"because":"queue.frozen 5, 159 fewer than 5 s ago"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 5, '2020-08-11T06:02:12.020000+00:00', 'unchanged', 'requeue', '{"because":"not needed: what waits for spamassassin goes through the pass-through as it is"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 6, '2020-08-11T06:02:12.660000+00:00', 'intent', 'drain', '{"attempt":1,"before":{},"want":{},"undo":"none; mail already delivered stays delivered"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 7, '2020-08-11T06:02:12.780000+00:00', 'acted', 'drain', '{"result":{"flushed":"5"}}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 8, '2020-08-11T06:02:13.100000+00:00', 'verified', 'drain', '{"because":"queue.frozen 0, oldest 0 ms, wanted under 15 s"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 9, '2020-08-11T06:02:13.100000+00:00', 'closed', NULL, '{"state":"succeeded","because":""}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 10, '2020-08-11T06:03:13.100000+00:00', 'begun', NULL, '{"direction":"back","by":"kim@ops1","epoch":1597125793}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 11, '2020-08-11T06:03:13.100000+00:00', 'kept', 'drain', '{"because":"none; mail already delivered stays delivered"}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 12, '2020-08-11T06:03:13.490000+00:00', 'undo_intent', 'bypass', '{"attempt":1,"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"}}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 13, '2020-08-11T06:03:13.910000+00:00', 'undone', 'bypass', '{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"7d58dc881bc7a3e1c8d3fedb701475835f7792ef047361e041e2275eaa2f28e9","restored":"master.cf bytes"}}');
INSERT INTO public.events VALUES ('20200811-0602-spam-filter-hung-73c', 14, '2020-08-11T06:03:13.910000+00:00', 'closed', NULL, '{"state":"rolled_back","because":""}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 1, '2020-08-11T06:13:14.450000+00:00', 'begun', NULL, '{"direction":"forward","by":"controller on kim@ops1","epoch":1597126394}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 2, '2020-08-11T06:13:14.840000+00:00', 'intent', 'bypass', '{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 3, '2020-08-11T06:13:15.260000+00:00', 'acted', 'bypass', '{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"5","left":"5"}}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 4, '2020-08-11T06:13:20.930000+00:00', 'verified', 'bypass', '{"because":"queue.frozen 736, 483 fewer than 5 s ago"}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 5, '2020-08-11T06:13:20.930000+00:00', 'unchanged', 'requeue', '{"because":"not needed: what waits for spamassassin goes through the pass-through as it is"}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 6, '2020-08-11T06:13:21.570000+00:00', 'intent', 'drain', '{"attempt":1,"before":{},"want":{},"undo":"none; mail already delivered stays delivered"}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 7, '2020-08-11T06:13:21.690000+00:00', 'acted', 'drain', '{"result":{"flushed":"669"}}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 8, '2020-08-11T06:13:29.930000+00:00', 'verified', 'drain', '{"because":"queue.frozen 0, oldest 0 ms, wanted under 15 s"}');
INSERT INTO public.events VALUES ('20200811-0613-spam-filter-hung-42c', 9, '2020-08-11T06:13:29.930000+00:00', 'closed', NULL, '{"state":"succeeded","because":""}');
INSERT INTO public.events VALUES ('20200811-0618-spam-filter-hung-xsr', 1, '2020-08-11T06:18:30.470000+00:00', 'begun', NULL, '{"direction":"forward","by":"kim@ops1","epoch":1597126710}');
INSERT INTO public.events VALUES ('20200811-0618-spam-filter-hung-xsr', 2, '2020-08-11T06:18:30.860000+00:00', 'intent', 'bypass', '{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO public.events VALUES ('20200811-0618-spam-filter-hung-xsr', 3, '2020-08-11T06:18:31.280000+00:00', 'acted', 'bypass', '{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"0","left":"0"}}');
INSERT INTO public.events VALUES ('20200811-0618-spam-filter-hung-xsr', 4, '2020-08-11T06:18:32.990000+00:00', 'closed', NULL, '{"state":"paused","because":"stopped by SIGTERM"}');
INSERT INTO public.leases VALUES ('host:mx2', '20200811-0618-spam-filter-hung-xsr', 1597126712, '{"host": "controller.example.net", "machine": "f0e1d2c3b4a5968778695a4b3c2d1e0f", "boot": "00000000-0000-4000-8000-000000000001", "namespace": "pid:[1]", "pid": 4242, "started": 99}', '2020-08-11T06:28:32.990000+00:00');
INSERT INTO public.meta VALUES ('schema', '3');
INSERT INTO public.meta VALUES ('by', '0.1.0');
INSERT INTO public.pauses VALUES ('mx2', 'kim@ops1', 'kernel', '2020-08-11T06:18:32.990000+00:00', '2020-08-11T08:18:32.990000+00:00');
INSERT INTO public.runs VALUES ('20200811-0602-spam-filter-hung-73c', '2020-08-11T06:02:05.540000+00:00', 'kim@ops1', 'hung again', '{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx1","domain":null,"args":{"host":"mx1","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"208 messages wait for \"spamassassin\", oldest 1 min 53 s"},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx1","domain":null,"args":{"host":"mx1","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"208 messages go on to 127.0.0.1:20381, unscanned","host":"mx1","domain":null,"args":{"host":"mx1"},"how":{},"before":{},"want":{},"observed":{"waiting":"208"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":6.693333333333333,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx1)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx2"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}', 'night-1');
INSERT INTO public.runs VALUES ('20200811-0613-spam-filter-hung-42c', '2020-08-11T06:13:14.450000+00:00', 'controller on kim@ops1', 'hung, third time', '{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx1","domain":null,"args":{"host":"mx1","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"1267 messages wait for \"spamassassin\", oldest 10 min"},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx1","domain":null,"args":{"host":"mx1","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"1267 messages go on to 127.0.0.1:20381, unscanned","host":"mx1","domain":null,"args":{"host":"mx1"},"how":{},"before":{},"want":{},"observed":{"waiting":"1267"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":10.223333333333333,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx1)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx2"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}', NULL);
INSERT INTO public.runs VALUES ('20200811-0618-spam-filter-hung-xsr', '2020-08-11T06:18:30.470000+00:00', 'kim@ops1', '', '{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx2","domain":null,"args":{"host":"mx2","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"no mail waits for \"spamassassin\""},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx2","domain":null,"args":{"host":"mx2","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"0 messages go on to 127.0.0.1:20381, unscanned","host":"mx2","domain":null,"args":{"host":"mx2"},"how":{},"before":{},"want":{},"observed":{"waiting":"0"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":6.0,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx2"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx2)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx1"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}', NULL);
SELECT pg_catalog.setval('public.cycles_id_seq', 1, false);
SELECT pg_catalog.setval('public.epochs_id_seq', 1, false);
SELECT pg_catalog.setval('public.looks_id_seq', 1, false);
SELECT pg_catalog.setval('public.outbox_number_seq', 1, false);
ALTER TABLE ONLY public.cycles
    ADD CONSTRAINT cycles_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (run, seq);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (scope);
ALTER TABLE ONLY public.looks
    ADD CONSTRAINT looks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (host);
ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_key_key UNIQUE (key);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
CREATE INDEX ix_looks_at ON public.looks USING btree (at);
CREATE INDEX ix_runs_opened ON public.runs USING btree (opened);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_run_fkey FOREIGN KEY (run) REFERENCES public.runs(id);
