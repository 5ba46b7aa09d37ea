-- Users, applications, their keys and sign-in tokens.

CREATE TABLE users (
    user_id                                 uuid NOT NULL,
    active                                  boolean NOT NULL,
    user_type                               integer NOT NULL,
    name                                    character varying(200) NOT NULL,
    api_roles                               character varying[],
    is_oidc_client                          boolean,
    client_id                               character varying(50),
    client_secret                           character varying(200),
    redirect_uris                           character varying[],
    post_logout_redirect_uris               character varying[],
    one_login_client_id                     character varying(50),
    use_shared_one_login_signing_keys       boolean,
    one_login_private_key_pem               character varying(2000),
    one_login_authentication_scheme_name    character varying(50),
    one_login_redirect_uri_path             character varying(150),
    one_login_post_logout_redirect_uri_path character varying(150),
    email                                   character varying(200),
    azure_ad_user_id                        character varying(100),
    role                                    character varying(50),
    dqt_user_id                             uuid,
    record_matching_policy                  integer DEFAULT 1,
    app_content                             jsonb,
    short_name                              character varying(25),
    last_signed_in_utc                      timestamp with time zone,
    CONSTRAINT pk_users PRIMARY KEY (user_id)
);

CREATE TABLE api_keys (
    api_key_id          uuid NOT NULL,
    created_on          timestamp with time zone NOT NULL,
    updated_on          timestamp with time zone NOT NULL,
    application_user_id uuid NOT NULL,
    key                 character varying(100) NOT NULL,
    expires             timestamp with time zone,
    CONSTRAINT pk_api_keys PRIMARY KEY (api_key_id)
);

CREATE TABLE authz_registration_tokens (
    token        character varying(128) NOT NULL,
    trn          character(7) NOT NULL,
    emailaddress character varying(200) COLLATE case_insensitive NOT NULL,
    created_utc  timestamp with time zone NOT NULL,
    expires_utc  timestamp with time zone NOT NULL,
    is_active    boolean DEFAULT true NOT NULL,
    CONSTRAINT pk_authz_registration_tokens PRIMARY KEY (token)
);

CREATE TABLE oidc_applications (
    id                        uuid NOT NULL,
    application_type          character varying(50),
    client_id                 character varying(100),
    client_secret             text,
    client_type               character varying(50),
    concurrency_token         character varying(50),
    consent_type              character varying(50),
    display_name              text,
    display_names             text,
    json_web_key_set          text,
    permissions               text,
    post_logout_redirect_uris text,
    properties                text,
    redirect_uris             text,
    requirements              text,
    settings                  text,
    CONSTRAINT pk_oidc_applications PRIMARY KEY (id)
);

CREATE TABLE oidc_authorizations (
    id                uuid NOT NULL,
    application_id    uuid,
    concurrency_token character varying(50),
    creation_date     timestamp with time zone,
    properties        text,
    scopes            text,
    status            character varying(50),
    subject           character varying(400),
    type              character varying(50),
    CONSTRAINT pk_oidc_authorizations PRIMARY KEY (id)
);

CREATE TABLE oidc_scopes (
    id                uuid NOT NULL,
    concurrency_token character varying(50),
    description       text,
    descriptions      text,
    display_name      text,
    display_names     text,
    name              character varying(200),
    properties        text,
    resources         text,
    CONSTRAINT pk_oidc_scopes PRIMARY KEY (id)
);

CREATE TABLE oidc_tokens (
    id                uuid NOT NULL,
    application_id    uuid,
    authorization_id  uuid,
    concurrency_token character varying(50),
    creation_date     timestamp with time zone,
    expiration_date   timestamp with time zone,
    payload           text,
    properties        text,
    redemption_date   timestamp with time zone,
    reference_id      character varying(100),
    status            character varying(50),
    subject           character varying(400),
    type              character varying(150),
    CONSTRAINT pk_oidc_tokens PRIMARY KEY (id)
);

CREATE TABLE webhook_endpoints (
    webhook_endpoint_id uuid NOT NULL,
    application_user_id uuid NOT NULL,
    address             character varying(200) NOT NULL,
    api_version         character varying(50) NOT NULL,
    cloud_event_types   text[] NOT NULL,
    enabled             boolean NOT NULL,
    created_on          timestamp with time zone NOT NULL,
    updated_on          timestamp with time zone NOT NULL,
    deleted_on          timestamp with time zone,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (webhook_endpoint_id)
);

CREATE TABLE webhook_messages (
    webhook_message_id    uuid NOT NULL,
    webhook_endpoint_id   uuid NOT NULL,
    cloud_event_id        character varying(50) NOT NULL,
    cloud_event_type      character varying(100) NOT NULL,
    timestamp             timestamp with time zone NOT NULL,
    api_version           character varying(50) NOT NULL,
    data                  jsonb NOT NULL,
    next_delivery_attempt timestamp with time zone,
    delivered             timestamp with time zone,
    delivery_attempts     timestamp with time zone[] NOT NULL,
    delivery_errors       text[] NOT NULL,
    failed_requests       text[] NOT NULL,
    CONSTRAINT pk_webhook_messages PRIMARY KEY (webhook_message_id)
);
