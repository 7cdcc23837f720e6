-- One row for each account, with who it is.
select
    _source as source,
    id as user_id,
    username,
    firstname as first_name,
    lastname as last_name,
    email,
    idnumber as id_number
from {{ source('landing', 'moodle_user__personal') }}
