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
CREATE TABLE public.leases (
    scope text NOT NULL,
    run text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    until text NOT NULL
);
CREATE TABLE public.meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.pauses (
    host text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    since text NOT NULL,
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
ALTER TABLE ONLY public.epochs ALTER COLUMN id SET DEFAULT nextval('public.epochs_id_seq'::regclass);
INSERT INTO public.epochs VALUES (1, 1795489925);
INSERT INTO public.events VALUES ('20261124-0312-spam-filter-hung-a3f', 1, '2026-11-24T03:12:05.123456+00:00', 'begun', NULL, '{}');
INSERT INTO public.events VALUES ('20261124-0312-spam-filter-hung-a3f', 2, '2026-11-24T03:12:06.123456+00:00', 'intent', 'bypass', '{"before":{"a":"b"}}');
INSERT INTO public.leases VALUES ('mx1', '20261124-0312-spam-filter-hung-a3f', 1795489925, '{"host": "controller.example.net", "machine": "f0e1d2c3b4a5968778695a4b3c2d1e0f", "boot": "00000000-0000-4000-8000-000000000001", "namespace": "pid:[1]", "pid": 4242, "started": 99}', '2026-11-24T04:12:05.123456+00:00');
INSERT INTO public.meta VALUES ('schema', '1');
INSERT INTO public.meta VALUES ('by', '0.1.0');
INSERT INTO public.pauses VALUES ('mx2', 'ben', 'kernel', '2026-11-24T03:12:05.123456+00:00', '2026-11-24T05:12:05.123456+00:00');
INSERT INTO public.runs VALUES ('20261124-0312-spam-filter-hung-a3f', '2026-11-24T03:12:05.123456+00:00', 'ann', 'späm', '{"playbook":"spam-filter-hung","summary":"take the filter out","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"take the filter out","host":"mx1","domain":null,"args":{"expires":"4h"},"how":{},"before":{"a":"b"},"want":{"a":""},"observed":{},"diff":[],"undo":"none","undoable":false,"guards":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"fail","above":null,"below":null,"age_above":null,"samples":3,"lasting":0.0}],"requires":[],"when":null,"verify":[],"no_verify":null,"notes":[],"on_failure":"pause","risk":"none","repeat_safe":false,"on_the_way":{},"eta_s":1.0,"limit_s":60.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[],"limits":{"deadline":2700,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":[],"not_changed":[],"failback":"ask","failback_when":[],"format":1}', 'incident-1');
SELECT pg_catalog.setval('public.epochs_id_seq', 1, false);
ALTER TABLE ONLY public.epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (run, seq);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (scope);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (host);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_key_key UNIQUE (key);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
CREATE INDEX ix_runs_opened ON public.runs USING btree (opened);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_run_fkey FOREIGN KEY (run) REFERENCES public.runs(id);
