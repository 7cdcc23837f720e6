-- One row for each account that any landed row names, also where its own row is gone.
with user_keys as (
    select * from {{ ref('stg_landing__user_keys') }}
),

users as (
    select * from {{ ref('stg_moodle__user') }}
),

settings as (
    select * from {{ ref('stg_moodle__config') }}
),

site_time_zones as (
    select
        source,
        max(nullif(value, '99')) as time_zone
    from settings
    where name = 'timezone'
    group by source
),

accounts as (
    select
        user_keys.source,
        user_keys.user_id,
        user_keys.user_key,
        -- 99 is "the site's own"
        coalesce(nullif(nullif(users.time_zone, '99'), ''), site_time_zones.time_zone) as time_zone,
        nullif(users.language, '') as language,
        nullif(users.country, '') as country,
        coalesce(users.is_deleted, true) as is_deleted,
        coalesce(users.is_suspended, false) as is_suspended,
        users.created_at,
        users.first_access_at as first_seen_at,
        users.last_access_at as last_seen_at
    from user_keys
    left join users
        on user_keys.source = users.source
        and user_keys.user_id = users.user_id
    left join site_time_zones
        on user_keys.source = site_time_zones.source
)

select * from accounts
