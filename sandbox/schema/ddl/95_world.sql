-- The clock of the made-up world. The operational system knows nothing of it, so it has a schema of its own.

CREATE SCHEMA sandbox;

CREATE TABLE sandbox.world (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seed       bigint NOT NULL,
    people     integer NOT NULL,
    started_on date NOT NULL,
    today      date NOT NULL,
    CHECK (today >= started_on)
);

COMMENT ON COLUMN sandbox.world.seed IS 'Every random choice of the world derives from it.';
COMMENT ON COLUMN sandbox.world.people IS 'How many people the world began with.';
COMMENT ON COLUMN sandbox.world.started_on IS 'The day the population was made for.';
COMMENT ON COLUMN sandbox.world.today IS 'The day it is now in the world; playing a day moves it on.';
