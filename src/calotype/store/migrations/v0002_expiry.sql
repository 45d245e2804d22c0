update keys set expires_at = greatest(least(expires_at, '2200-01-01 00:00+00'), '2000-01-01 00:00+00')
where expires_at is not null;
alter table keys add constraint expiry_is_plausible
    check (expires_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00');
