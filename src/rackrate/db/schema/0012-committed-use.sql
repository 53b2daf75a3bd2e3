-- Contracts over a minimum of use, and flexible capacity: a quote may hold flexible nodes.
ALTER TABLE quote
    DROP CONSTRAINT quote_lines_check,
    DROP CONSTRAINT quote_lines_check1,
    ADD CONSTRAINT quotes_hold_nodes CHECK (jsonb_path_exists(
        lines, '$[*].commitment ? (@.kind == "capacity" || @.kind == "flex")'
    )),
    ADD CONSTRAINT quoted_lines_are_whole CHECK (NOT jsonb_path_exists(
        lines,
        '$[*].commitment ? ((@.kind == "capacity" || @.kind == "flex") && @.nodes < 1
                            || @.amount.minor < 0)'
    ));
