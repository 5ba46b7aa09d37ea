-- Sequences, and the functions that columns use as their defaults.

CREATE SEQUENCE support_task_reference START WITH 1000;

-- Gives the next free TRN: walks trn_ranges, lowest range that is not exhausted first. plpgsql looks the table up
-- at the first call, so the function may come before it. Two sessions never get the same number: the row is locked.
CREATE FUNCTION fn_generate_trn() RETURNS character(7)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    range_row record;
BEGIN
    SELECT from_trn, to_trn, next_trn INTO range_row
    FROM trn_ranges
    WHERE is_exhausted IS FALSE
    ORDER BY from_trn
    LIMIT 1
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no TRN is left: every row of trn_ranges is exhausted';
    END IF;
    UPDATE trn_ranges
    SET next_trn = range_row.next_trn + 1,
        is_exhausted = (range_row.next_trn >= range_row.to_trn)
    WHERE from_trn = range_row.from_trn;
    RETURN lpad(range_row.next_trn::text, 7, '0');
END;
$$;
