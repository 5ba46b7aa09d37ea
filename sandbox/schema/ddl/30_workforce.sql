-- Establishments and the Teachers' Pensions workforce extracts.

CREATE TABLE establishments (
    establishment_id              uuid NOT NULL,
    establishment_source_id       integer DEFAULT 1 NOT NULL,
    urn                           integer,
    la_code                       character(3) NOT NULL,
    la_name                       character varying(50) COLLATE case_insensitive,
    establishment_number          character(4),
    establishment_name            character varying(120) COLLATE case_insensitive NOT NULL,
    establishment_type_code       character varying(3),
    establishment_type_name       character varying(100) COLLATE case_insensitive,
    establishment_type_group_code integer,
    establishment_type_group_name character varying(50),
    establishment_status_code     integer,
    establishment_status_name     character varying(50),
    phase_of_education_code       integer,
    phase_of_education_name       character varying(50),
    number_of_pupils              integer,
    free_school_meals_percentage  numeric(5,2),
    street                        character varying(100) COLLATE case_insensitive,
    locality                      character varying(100) COLLATE case_insensitive,
    address3                      character varying(100) COLLATE case_insensitive,
    town                          character varying(100) COLLATE case_insensitive,
    county                        character varying(100) COLLATE case_insensitive,
    postcode                      character varying(10) COLLATE case_insensitive,
    CONSTRAINT pk_establishments PRIMARY KEY (establishment_id)
);

CREATE TABLE tps_establishments (
    tps_establishment_id uuid NOT NULL,
    la_code              character(3) NOT NULL,
    establishment_code   character(4) NOT NULL,
    employers_name       character varying(200) NOT NULL,
    school_gias_name     character varying(200),
    school_closed_date   date,
    CONSTRAINT pk_tps_establishments PRIMARY KEY (tps_establishment_id)
);

CREATE TABLE tps_csv_extracts (
    tps_csv_extract_id uuid NOT NULL,
    filename           character varying(200) NOT NULL,
    created_on         timestamp with time zone NOT NULL,
    CONSTRAINT pk_tps_csv_extracts PRIMARY KEY (tps_csv_extract_id)
);

CREATE TABLE tps_csv_extract_load_items (
    tps_csv_extract_load_item_id uuid NOT NULL,
    tps_csv_extract_id           uuid NOT NULL,
    trn                          character varying(200),
    national_insurance_number    character varying(200),
    date_of_birth                character varying(200),
    date_of_death                character varying(200),
    member_postcode              character varying(200),
    member_email_address         character varying(200),
    local_authority_code         character varying(200),
    establishment_number         character varying(200),
    establishment_postcode       character varying(200),
    establishment_email_address  character varying(200),
    member_id                    character varying(200),
    employment_start_date        character varying(200),
    employment_end_date          character varying(200),
    full_or_part_time_indicator  character varying(200),
    withdrawal_indicator         character varying(200),
    extract_date                 character varying(200),
    gender                       character varying(200),
    created                      timestamp with time zone NOT NULL,
    errors                       integer,
    CONSTRAINT pk_tps_csv_extract_load_items PRIMARY KEY (tps_csv_extract_load_item_id)
);

CREATE TABLE tps_csv_extract_items (
    tps_csv_extract_item_id      uuid NOT NULL,
    tps_csv_extract_id           uuid NOT NULL,
    tps_csv_extract_load_item_id uuid NOT NULL,
    trn                          character(7) NOT NULL,
    national_insurance_number    character(9) NOT NULL,
    date_of_birth                date NOT NULL,
    date_of_death                date,
    gender                       character varying(10) NOT NULL,
    member_postcode              character varying(10),
    member_email_address         character varying(200),
    local_authority_code         character(3) NOT NULL,
    establishment_number         character(4),
    establishment_postcode       character varying(10),
    establishment_email_address  character varying(200),
    member_id                    integer,
    employment_start_date        date NOT NULL,
    employment_end_date          date,
    employment_type              integer NOT NULL,
    withdrawal_indicator         character(1),
    extract_date                 date NOT NULL,
    created                      timestamp with time zone NOT NULL,
    result                       integer,
    key                          character varying(50) NOT NULL,
    CONSTRAINT pk_tps_csv_extract_items PRIMARY KEY (tps_csv_extract_item_id)
);

CREATE TABLE tps_employments (
    tps_employment_id            uuid NOT NULL,
    person_id                    uuid NOT NULL,
    establishment_id             uuid NOT NULL,
    start_date                   date NOT NULL,
    end_date                     date,
    last_known_tps_employed_date date NOT NULL,
    last_extract_date            date NOT NULL,
    employment_type              integer NOT NULL,
    created_on                   timestamp with time zone NOT NULL,
    updated_on                   timestamp with time zone NOT NULL,
    key                          character varying(50) NOT NULL,
    national_insurance_number    character(9),
    person_postcode              character varying(10),
    withdrawal_confirmed         boolean NOT NULL,
    person_email_address         character varying(100),
    employer_postcode            character varying(10),
    employer_email_address       character varying(100),
    CONSTRAINT pk_tps_employments PRIMARY KEY (tps_employment_id)
);
