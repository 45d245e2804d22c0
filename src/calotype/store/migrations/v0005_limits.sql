-- Plans, rates, spend caps, and jobs that wait for their account's turn to run.
create table plans (
    name        text primary key,
    requests    int check (requests > 0),             -- requests that create something, in each `per`; null: no limit
    per         interval not null default '1 minute' check (per > '0'),
    burst       int check (burst > 0),                -- how many of them at once; null: as many as `requests`
    max_waiting int check (max_waiting >= 0),
    max_running int check (max_running > 0),
    reads       double precision check (reads > 0),   -- requests a second that create nothing; null: as the settings say
    updated_at  timestamptz not null default clock_timestamp()
);

create table rates (
    subject_id uuid primary key,                      -- a key or an account
    due_at     timestamptz not null                   -- when all that was taken is given back (GCRA)
);

-- The start of the window that a moment lies in: what was spent before it does not count, nor what was before the cap was set.
create function calotype_window(length text, counted_from timestamptz, moment timestamptz) returns timestamptz
    language sql immutable parallel safe as $$
    select greatest(counted_from, case length when 'day' then date_trunc('day', moment, 'UTC')
        when 'month' then date_trunc('month', moment, 'UTC') else counted_from end)
$$;

alter table keys
    add column plan text,
    add column spend_window text not null default 'total' check (spend_window in ('day', 'month', 'total')),
    add column spend_from timestamptz not null default '2000-01-01 00:00+00', -- when the cap was set: it counts from here on
    add column spent bigint not null default 0,
    add column spent_since timestamptz,               -- the start of the window that `spent` is of
    add constraint spend_cap_is_none_or_more check (spend_cap >= 0);
alter table accounts
    add column spend_cap bigint check (spend_cap >= 0),
    add column spend_window text not null default 'total' check (spend_window in ('day', 'month', 'total')),
    add column spend_from timestamptz not null default '2000-01-01 00:00+00',
    add column spent bigint not null default 0,
    add column spent_since timestamptz,
    add column max_waiting int check (max_waiting >= 0);

-- A queued job without a ticket, since its account or key has as many running as it may.
alter table jobs
    add column parked boolean not null default false,
    add constraint parked_while_queued check (not parked or state = 'queued');
create index jobs_parked on jobs (account_id, key_id, lane_id, tag, number) where parked;
create index jobs_live on jobs (account_id, state, key_id)
    where state in ('created', 'queued', 'running', 'retrying', 'cancelling');
