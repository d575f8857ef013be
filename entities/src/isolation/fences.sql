-- Every policy, grant and function of the schema that is for a role of the product, or for everybody, a line
-- each. Expressions are told without parentheses, spaces and the name of the schema, which releases of
-- PostgreSQL and search paths print in different ways.
WITH ours AS (
    SELECT 0::oid AS oid, 'PUBLIC' AS name
    UNION ALL
    SELECT r.oid, r.rolname::text FROM pg_roles r WHERE EXISTS (SELECT FROM pg_roles own
        WHERE own.rolname IN ('countersign_owner', 'countersign_gate', 'countersign_entry', 'countersign_books')
        AND pg_has_role(own.oid, r.oid, 'MEMBER'))
), relations AS (
    SELECT c.oid, c.relname::text AS name, c.relowner, c.relacl FROM pg_class c
    WHERE c.relnamespace = 'countersign'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
), policies AS (
    SELECT format('policy %s on %s%s for %s to %s using %s check %s', p.polname, c.name,
        CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END, p.polcmd,
        (SELECT string_agg(o.name, ', ' ORDER BY o.name COLLATE "C") FROM ours o WHERE o.oid = ANY (p.polroles)),
        coalesce(regexp_replace(pg_get_expr(p.polqual, p.polrelid), 'countersign\.|[()\s]', '', 'g'), '-'),
        coalesce(regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), 'countersign\.|[()\s]', '', 'g'), '-')) AS line
    FROM pg_policy p JOIN relations c ON c.oid = p.polrelid
    WHERE EXISTS (SELECT FROM ours o WHERE o.oid = ANY (p.polroles))
), given AS (
    SELECT DISTINCT c.name AS what, NULL AS of_column, c.relowner AS owner, a.grantee,
        a.privilege_type || CASE WHEN a.is_grantable THEN ' (may be passed on)' ELSE '' END AS privilege
    FROM relations c CROSS JOIN LATERAL aclexplode(c.relacl) a
    UNION
    SELECT c.name, t.attname::text, c.relowner, a.grantee,
        a.privilege_type || CASE WHEN a.is_grantable THEN ' (may be passed on)' ELSE '' END
    FROM relations c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped
    CROSS JOIN LATERAL aclexplode(t.attacl) a
    UNION
    SELECT 'the schema', NULL, n.nspowner, a.grantee,
        a.privilege_type || CASE WHEN a.is_grantable THEN ' (may be passed on)' ELSE '' END
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a WHERE n.nspname = 'countersign'
), grants AS (
    SELECT format('grant %s%s on %s to %s', g.privilege,
        ' (' || string_agg(g.of_column, ', ' ORDER BY g.of_column COLLATE "C") || ')', g.what, o.name) AS line
    FROM given g JOIN ours o ON o.oid = g.grantee WHERE g.grantee <> g.owner
    GROUP BY g.what, o.name, g.privilege, g.of_column IS NULL
), functions AS (
    SELECT format('function %s(%s)%s of %s for %s source %s', p.proname,
        replace(pg_get_function_identity_arguments(p.oid), 'countersign.', ''),
        CASE WHEN p.prosecdef THEN ' definer' ELSE '' END, pg_get_userbyid(p.proowner),
        coalesce((SELECT string_agg(DISTINCT o.name, ', ')
            FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a JOIN ours o ON o.oid = a.grantee
            WHERE a.grantee <> p.proowner), 'nobody'),
        left(encode(sha256(convert_to(coalesce(
            regexp_replace(pg_get_function_sqlbody(p.oid), 'countersign\.|[()\s]', '', 'g'), p.prosrc),
            'UTF8')), 'hex'), 16)) AS line
    FROM pg_proc p WHERE p.pronamespace = 'countersign'::regnamespace
)
SELECT coalesce(array_agg(f.line ORDER BY f.line COLLATE "C"), '{}') AS fences
FROM (SELECT line FROM policies UNION ALL SELECT line FROM grants UNION ALL SELECT line FROM functions) f
