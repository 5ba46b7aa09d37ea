-- Search columns, filled by triggers on each write. A bulk load switches the triggers off and brings the same values.
-- Parts are kept in the order in which they are first met; comparison is exact, whatever the column's collation.

CREATE FUNCTION fn_distinct_in_order(parts text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(part ORDER BY first_at), '{}')
    FROM (
        SELECT part, min(position) AS first_at
        FROM (
            SELECT item COLLATE "C" AS part, position
            FROM unnest(parts) WITH ORDINALITY AS listed (item, position)
        ) AS numbered
        WHERE part <> ''
        GROUP BY part
    ) AS found
$$;

CREATE FUNCTION fn_split_names(VARIADIC names text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_split_to_array(btrim(array_to_string(names, ' ') COLLATE "C"), '\s+')
$$;

-- persons.names: every word of the current name, then of the previous names that are not deleted.
-- persons.last_names: current last name, then earlier ones. persons.national_insurance_numbers: own, then employments'.
CREATE FUNCTION fn_fill_person_search_columns() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    earlier_words text[];
    earlier_last_names text[];
    employment_numbers text[];
BEGIN
    SELECT array_agg(concat_ws(' ', first_name, middle_name, last_name) ORDER BY created_on, previous_name_id),
           array_agg(last_name::text ORDER BY created_on, previous_name_id)
    INTO earlier_words, earlier_last_names
    FROM previous_names
    WHERE person_id = NEW.person_id AND deleted_on IS NULL;
    SELECT array_agg(national_insurance_number::text ORDER BY created_on, tps_employment_id)
    INTO employment_numbers
    FROM tps_employments
    WHERE person_id = NEW.person_id AND national_insurance_number IS NOT NULL;
    NEW.names := fn_distinct_in_order(fn_split_names(NEW.first_name, NEW.middle_name, NEW.last_name)
        || fn_split_names(VARIADIC coalesce(earlier_words, '{}')));
    NEW.last_names := fn_distinct_in_order(NEW.last_name::text || coalesce(earlier_last_names, '{}'));
    NEW.national_insurance_numbers := fn_distinct_in_order(
        coalesce(NEW.national_insurance_number::text, '') || coalesce(employment_numbers, '{}'));
    RETURN NEW;
END;
$$;

CREATE TRIGGER tr_persons_search_columns
    BEFORE INSERT OR UPDATE OF first_name, middle_name, last_name, national_insurance_number ON persons
    FOR EACH ROW EXECUTE FUNCTION fn_fill_person_search_columns();

-- A no-op update of the name makes the trigger above run again.
CREATE FUNCTION fn_refresh_person_search_columns() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        UPDATE persons SET last_name = last_name WHERE person_id = OLD.person_id;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.person_id <> OLD.person_id) THEN
        UPDATE persons SET last_name = last_name WHERE person_id = NEW.person_id;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER tr_previous_names_search_columns
    AFTER INSERT OR UPDATE OR DELETE ON previous_names
    FOR EACH ROW EXECUTE FUNCTION fn_refresh_person_search_columns();

-- Only a number that the person does not show yet is worth a write: extracts repeat the same one every month.
CREATE FUNCTION fn_add_employment_national_insurance_number() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE persons SET last_name = last_name
    WHERE person_id = NEW.person_id
      AND NOT (coalesce(national_insurance_numbers, '{}')::text[] @> ARRAY[NEW.national_insurance_number::text]);
    RETURN NULL;
END;
$$;

CREATE TRIGGER tr_tps_employments_search_columns
    AFTER INSERT OR UPDATE OF national_insurance_number ON tps_employments
    FOR EACH ROW WHEN (NEW.national_insurance_number IS NOT NULL)
    EXECUTE FUNCTION fn_add_employment_national_insurance_number();

CREATE FUNCTION fn_fill_support_task_search_columns() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.subject_names := fn_distinct_in_order(fn_split_names(coalesce(NEW.subject_name, '')));
    RETURN NEW;
END;
$$;

CREATE TRIGGER tr_support_tasks_search_columns
    BEFORE INSERT OR UPDATE OF subject_name ON support_tasks
    FOR EACH ROW EXECUTE FUNCTION fn_fill_support_task_search_columns();
