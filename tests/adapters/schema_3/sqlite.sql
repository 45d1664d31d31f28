BEGIN TRANSACTION;
CREATE TABLE cycles (
	id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE epochs (
	id INTEGER NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "epochs" VALUES(1,1597126712);
CREATE TABLE events (
	run TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	step TEXT, 
	data TEXT NOT NULL, 
	PRIMARY KEY (run, seq), 
	FOREIGN KEY(run) REFERENCES runs (id)
)
 WITHOUT ROWID

;
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',1,'2020-08-11T06:02:05.540000+00:00','begun',NULL,'{"direction":"forward","by":"kim@ops1","epoch":1597125725}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',2,'2020-08-11T06:02:05.930000+00:00','intent','bypass','{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',3,'2020-08-11T06:02:06.350000+00:00','acted','bypass','{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"5","left":"5"}}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',4,'2020-08-11T06:02:12.020000+00:00','verified','bypass','{"because":"queue.frozen 5, 159 fewer than 5 s ago"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',5,'2020-08-11T06:02:12.020000+00:00','unchanged','requeue','{"because":"not needed: what waits for spamassassin goes through the pass-through as it is"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',6,'2020-08-11T06:02:12.660000+00:00','intent','drain','{"attempt":1,"before":{},"want":{},"undo":"none; mail already delivered stays delivered"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',7,'2020-08-11T06:02:12.780000+00:00','acted','drain','{"result":{"flushed":"5"}}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',8,'2020-08-11T06:02:13.100000+00:00','verified','drain','{"because":"queue.frozen 0, oldest 0 ms, wanted under 15 s"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',9,'2020-08-11T06:02:13.100000+00:00','closed',NULL,'{"state":"succeeded","because":""}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',10,'2020-08-11T06:03:13.100000+00:00','begun',NULL,'{"direction":"back","by":"kim@ops1","epoch":1597125793}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',11,'2020-08-11T06:03:13.100000+00:00','kept','drain','{"because":"none; mail already delivered stays delivered"}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',12,'2020-08-11T06:03:13.490000+00:00','undo_intent','bypass','{"attempt":1,"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"}}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',13,'2020-08-11T06:03:13.910000+00:00','undone','bypass','{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"7d58dc881bc7a3e1c8d3fedb701475835f7792ef047361e041e2275eaa2f28e9","restored":"master.cf bytes"}}');
INSERT INTO "events" VALUES('20200811-0602-spam-filter-hung-73c',14,'2020-08-11T06:03:13.910000+00:00','closed',NULL,'{"state":"rolled_back","because":""}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',1,'2020-08-11T06:13:14.450000+00:00','begun',NULL,'{"direction":"forward","by":"controller on kim@ops1","epoch":1597126394}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',2,'2020-08-11T06:13:14.840000+00:00','intent','bypass','{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',3,'2020-08-11T06:13:15.260000+00:00','acted','bypass','{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"5","left":"5"}}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',4,'2020-08-11T06:13:20.930000+00:00','verified','bypass','{"because":"queue.frozen 736, 483 fewer than 5 s ago"}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',5,'2020-08-11T06:13:20.930000+00:00','unchanged','requeue','{"because":"not needed: what waits for spamassassin goes through the pass-through as it is"}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',6,'2020-08-11T06:13:21.570000+00:00','intent','drain','{"attempt":1,"before":{},"want":{},"undo":"none; mail already delivered stays delivered"}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',7,'2020-08-11T06:13:21.690000+00:00','acted','drain','{"result":{"flushed":"669"}}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',8,'2020-08-11T06:13:29.930000+00:00','verified','drain','{"because":"queue.frozen 0, oldest 0 ms, wanted under 15 s"}');
INSERT INTO "events" VALUES('20200811-0613-spam-filter-hung-42c',9,'2020-08-11T06:13:29.930000+00:00','closed',NULL,'{"state":"succeeded","because":""}');
INSERT INTO "events" VALUES('20200811-0618-spam-filter-hung-xsr',1,'2020-08-11T06:18:30.470000+00:00','begun',NULL,'{"direction":"forward","by":"kim@ops1","epoch":1597126710}');
INSERT INTO "events" VALUES('20200811-0618-spam-filter-hung-xsr',2,'2020-08-11T06:18:30.860000+00:00','intent','bypass','{"attempt":1,"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h"}');
INSERT INTO "events" VALUES('20200811-0618-spam-filter-hung-xsr',3,'2020-08-11T06:18:31.280000+00:00','acted','bypass','{"result":{"digest main.cf":"e6de2261dd79c7c6b8800a3ca62890821de2083d0a6b40a78d7bd4c6bad140b6","digest master.cf":"9fe1bb90dcdbf2f35148e8da797ec1c8ee8254babf86cfcf23191228542f4b43","ended":"0","left":"0"}}');
INSERT INTO "events" VALUES('20200811-0618-spam-filter-hung-xsr',4,'2020-08-11T06:18:32.990000+00:00','closed',NULL,'{"state":"paused","because":"stopped by SIGTERM"}');
CREATE TABLE incidents (
	"key" TEXT NOT NULL, 
	first TEXT NOT NULL, 
	seen TEXT NOT NULL, 
	said TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	title TEXT NOT NULL, 
	spells TEXT DEFAULT '[]' NOT NULL, 
	spoken TEXT, 
	PRIMARY KEY ("key")
);
CREATE TABLE leases (
	scope TEXT NOT NULL, 
	run TEXT NOT NULL, 
	epoch BIGINT NOT NULL, 
	holder TEXT NOT NULL, 
	until TEXT NOT NULL, 
	PRIMARY KEY (scope)
)
 WITHOUT ROWID

;
INSERT INTO "leases" VALUES('host:mx2','20200811-0618-spam-filter-hung-xsr',1597126712,'{"host": "controller.example.net", "machine": "f0e1d2c3b4a5968778695a4b3c2d1e0f", "boot": "00000000-0000-4000-8000-000000000001", "namespace": "pid:[1]", "pid": 4242, "started": 99}','2020-08-11T06:28:32.990000+00:00');
CREATE TABLE looks (
	id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	signals TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema','3');
INSERT INTO "meta" VALUES('by','0.1.0');
CREATE TABLE outbox (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	channel TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	title TEXT NOT NULL, 
	text TEXT NOT NULL, 
	resolves BOOLEAN NOT NULL, 
	since TEXT NOT NULL, 
	due TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	why TEXT NOT NULL
);
CREATE TABLE pauses (
	host TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	since TEXT NOT NULL, 
	until TEXT NOT NULL, 
	PRIMARY KEY (host)
);
INSERT INTO "pauses" VALUES('mx2','kim@ops1','kernel','2020-08-11T06:18:32.990000+00:00','2020-08-11T08:18:32.990000+00:00');
CREATE TABLE proposals (
	"key" TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	host TEXT, 
	at TEXT NOT NULL, 
	until TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	opened TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	"key" TEXT, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "runs" VALUES('20200811-0602-spam-filter-hung-73c','2020-08-11T06:02:05.540000+00:00','kim@ops1','hung again','{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx1","domain":null,"args":{"host":"mx1","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"208 messages wait for \"spamassassin\", oldest 1 min 53 s"},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx1","domain":null,"args":{"host":"mx1","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"208 messages go on to 127.0.0.1:20381, unscanned","host":"mx1","domain":null,"args":{"host":"mx1"},"how":{},"before":{},"want":{},"observed":{"waiting":"208"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":6.693333333333333,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx1)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx2"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}','night-1');
INSERT INTO "runs" VALUES('20200811-0613-spam-filter-hung-42c','2020-08-11T06:13:14.450000+00:00','controller on kim@ops1','hung, third time','{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx1","domain":null,"args":{"host":"mx1","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"1267 messages wait for \"spamassassin\", oldest 10 min"},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx1","domain":null,"args":{"host":"mx1","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"1267 messages go on to 127.0.0.1:20381, unscanned","host":"mx1","domain":null,"args":{"host":"mx1"},"how":{},"before":{},"want":{},"observed":{"waiting":"1267"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx1","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx1","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":10.223333333333333,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx1)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx2"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx1","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}',NULL);
INSERT INTO "runs" VALUES('20200811-0618-spam-filter-hung-xsr','2020-08-11T06:18:30.470000+00:00','kim@ops1','','{"playbook":"spam-filter-hung","summary":"The spam filter hangs and mail piles up behind it. Take it out of the mail''s path, and let the mail through.","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"master.cf: transport spamassassin \u2192 pass-through","host":"mx2","domain":null,"args":{"host":"mx2","mode":"pass","expires":14400.0},"how":{"filter":"spamassassin","lever":"pass","expect":"c445716508dc87f113a2c3bc0ffd1d5a371053b6d3b3fdb1d3cee55b02cd5e8c"},"before":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"want":{"master.cf spamassassin/unix":"=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"},"observed":{"queue.frozen":"no mail waits for \"spamassassin\""},"diff":["- master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -f -e /usr/sbin/sendmail -oi -f ${sender} ${recipient}","+ master.cf spamassassin/unix = spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/sbin/sendmail -oi -f ${sender} ${recipient}"],"undo":"restore 1 line, once the filter answers again \u00b7 expires in 4 h","undoable":true,"guards":[{"type":"Predicate","signal":"spam.ping","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"spam.scan","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"requires":[],"when":null,"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":null,"stops_growing":5.0,"within":60.0,"stalls_at_most":null}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"rollback","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":9.0,"limit_s":60.0,"expires_s":14400.0},{"id":"requeue","action":"queue.requeue","kind":"event","certainty":"unchanged","says":"not needed: what waits for spamassassin goes through the pass-through as it is","host":"mx2","domain":null,"args":{"host":"mx2","only":"frozen","batch":200},"how":{},"before":{},"want":{},"observed":{},"diff":[],"undo":"none; re-queued mail cannot be un-queued; repeating is safe","undoable":false,"guards":[],"requires":[],"when":{"type":"Predicate","signal":"queue.frozen","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":0.0,"limit_s":1.0,"expires_s":null},{"id":"drain","action":"queue.flush","kind":"event","certainty":"conditional","says":"0 messages go on to 127.0.0.1:20381, unscanned","host":"mx2","domain":null,"args":{"host":"mx2"},"how":{},"before":{},"want":{},"observed":{"waiting":"0"},"diff":[],"undo":"none; mail already delivered stays delivered","undoable":false,"guards":[],"requires":[],"when":{"type":"Any","of":[{"type":"Predicate","signal":"queue.frozen","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0},{"type":"Predicate","signal":"queue.pending","host":"mx2","is_":null,"above":0.0,"below":null,"age_above":null,"samples":1,"lasting":0.0}]},"verify":[{"signal":"queue.frozen","host":"mx2","is_":null,"falls_to":null,"age_below":15.0,"stops_growing":null,"within":60.0,"stalls_at_most":120.0}],"no_verify":null,"notes":[],"left_out":false,"on_failure":"pause","risk":"none","repeat_safe":true,"on_the_way":{},"eta_s":6.0,"limit_s":30.0,"expires_s":null}],"params":{"sick":"mx2"},"preconditions":[{"type":"Predicate","signal":"ssh.reach","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":0.0}],"limits":{"deadline":2700.0,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":["spamd itself (see: failover check --host mx2)","spam that passes unscanned meanwhile"],"not_changed":["MX records","mx1"],"failback":"ask","failback_when":[{"type":"Predicate","signal":"spam.scan","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0},{"type":"Predicate","signal":"spam.ping","host":"mx2","is_":"ok","above":null,"below":null,"age_above":null,"samples":1,"lasting":900.0}],"incident":null,"format":1}',NULL);
CREATE INDEX ix_runs_opened ON runs (opened);
CREATE INDEX ix_looks_at ON looks (at);
DELETE FROM "sqlite_sequence";
COMMIT;
