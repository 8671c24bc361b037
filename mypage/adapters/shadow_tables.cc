#include "mypage/adapters/shadow_tables.h"

#include "absl/strings/str_cat.h"

#include "mypage/adapters/change_notice.h"
#include "mypage/adapters/pg_mypage_store.h"
#include "platform/pg/array.h"

namespace mypage {
namespace {

// LIKE copies neither storage parameters nor grants, and would invent names for
// indexes, which a later migration could not find.
constexpr char kCreate[] = R"sql(
    DROP SCHEMA IF EXISTS mypage_rebuild CASCADE;
    CREATE SCHEMA mypage_rebuild;
    -- Events of entries that were copied from the live views.
    CREATE TABLE mypage_rebuild.kept (event_id uuid PRIMARY KEY);
    DO $do$
    DECLARE
        live record;
        part record;
        made text;
    BEGIN
        FOR live IN
            SELECT c.oid, c.relname, c.relacl, c.relowner,
                   array_to_string(c.reloptions, ', ') AS options
            FROM pg_class c
            WHERE c.oid IN ('mypage_views'::regclass, 'inbox'::regclass)
        LOOP
            made := format('mypage_rebuild.%I', live.relname);
            EXECUTE format(
                'CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES)',
                made, live.oid::regclass);
            IF live.options IS NOT NULL THEN
                EXECUTE format('ALTER TABLE %s SET (%s)', made, live.options);
            END IF;
            FOR part IN
                SELECT i.relname, pg_get_indexdef(i.oid) AS definition, k.conname
                FROM pg_index x
                JOIN pg_class i ON i.oid = x.indexrelid
                LEFT JOIN pg_constraint k
                    ON k.conindid = i.oid AND k.contype = 'p'
                WHERE x.indrelid = live.oid
            LOOP
                EXECUTE regexp_replace(part.definition,
                    ' ON (ONLY )?\S+ USING ', ' ON ' || made || ' USING ');
                IF part.conname IS NOT NULL THEN
                    EXECUTE format(
                        'ALTER TABLE %s ADD CONSTRAINT %I '
                        'PRIMARY KEY USING INDEX %I',
                        made, part.conname, part.relname);
                END IF;
            END LOOP;
            FOR part IN
                SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                            ELSE a.grantee::regrole::text END AS grantee,
                       a.privilege_type
                FROM aclexplode(live.relacl) a
                WHERE a.grantee <> live.relowner
            LOOP
                EXECUTE format('GRANT %s ON %s TO %s',
                    part.privilege_type, made, part.grantee);
            END LOOP;
        END LOOP;
    END $do$)sql";

// The order of unlike rows is that of the key, so that both tables are read
// once from end to end.
constexpr char kUnlike[] = "mypage_rebuild_unlike";
constexpr char kUnlikeFrom[] = R"sql(.mypage_views v
    LEFT JOIN mypage_rebuild.mypage_views s ON s.order_id = v.order_id
    WHERE v.order_id > $1
        AND (s.order_id IS NULL OR s.timeline <> v.timeline)
    ORDER BY v.order_id
    LIMIT $2)sql";

constexpr char kNoteKept[] = "mypage_rebuild_note_kept";
constexpr char kNoteKeptSql[] = R"sql(
    INSERT INTO mypage_rebuild.kept
    SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING)sql";

constexpr char kBeforeAll[] = "00000000-0000-0000-0000-000000000000";

}  // namespace

void CreateShadow(pqxx::work& tx) { tx.exec(kCreate); }

void UseShadow(pqxx::connection& connection) {
  std::string live;
  {
    pqxx::nontransaction tx(connection);
    live = tx.exec1("SELECT quote_ident(current_schema())")[0].c_str();
    tx.exec(absl::StrCat("SET search_path = mypage_rebuild, ", live));
  }
  connection.prepare(kUnlike, absl::StrCat("SELECT ", kViewColumns, " FROM ",
                                           live, kUnlikeFrom));
  connection.prepare(kNoteKept, kNoteKeptSql);
}

absl::StatusOr<std::vector<MypageView>> LiveViewsUnlikeShadow(
    pqxx::work& tx, const std::string& after, int limit) {
  std::vector<MypageView> views;
  platform::pg::Array events;
  for (const pqxx::row& row : tx.exec_prepared(
           kUnlike, after.empty() ? std::string(kBeforeAll) : after, limit)) {
    absl::StatusOr<MypageView> view = ViewOf(row);
    if (!view.ok()) return view.status();
    for (const Entry& entry : view->timeline()) events.Add(entry.event_id);
    views.push_back(*std::move(view));
  }
  tx.exec_prepared(kNoteKept, events.text());
  return views;
}

void PauseAppliers(pqxx::work& tx) {
  tx.exec("LOCK TABLE inbox IN SHARE MODE");
}

SwapCounts SwapTables(pqxx::work& tx, const std::string& durable) {
  tx.exec("SET LOCAL lock_timeout = '2s'");
  // Nobody writes to the inbox while it is copied. What takes long comes before
  // the lock that readers have to wait for.
  SwapCounts counts;
  // Some that were copied early came from the streams after all.
  tx.exec(R"sql(
      DELETE FROM mypage_rebuild.kept k USING mypage_rebuild.inbox i
      WHERE i.event_id = k.event_id)sql");
  counts.entries_kept =
      tx.exec1("SELECT count(*) FROM mypage_rebuild.kept")[0].as<int64_t>();
  counts.orders_before =
      tx.exec1("SELECT count(*) FROM mypage_views")[0].as<int64_t>();
  counts.orders =
      tx.exec1("SELECT count(*) FROM mypage_rebuild.mypage_views")[0]
          .as<int64_t>();
  tx.exec_params(R"sql(
      INSERT INTO mypage_rebuild.inbox
      SELECT i.* FROM inbox i
      WHERE i.durable <> $1
          OR EXISTS (SELECT FROM mypage_rebuild.kept k
                     WHERE k.event_id = i.event_id)
      ON CONFLICT DO NOTHING)sql",
                 durable);
  tx.exec("LOCK TABLE mypage_views, inbox IN ACCESS EXCLUSIVE MODE");
  tx.exec(R"sql(
      DO $do$
      DECLARE
          live record;
      BEGIN
          FOR live IN
              SELECT c.oid::regclass AS name, c.relname, c.relnamespace,
                     c.relowner
              FROM pg_class c
              WHERE c.oid IN ('mypage_views'::regclass, 'inbox'::regclass)
          LOOP
              EXECUTE format('DROP TABLE %s', live.name);
              EXECUTE format('ALTER TABLE mypage_rebuild.%I OWNER TO %s',
                  live.relname, live.relowner::regrole);
              EXECUTE format('ALTER TABLE mypage_rebuild.%I SET SCHEMA %s',
                  live.relname, live.relnamespace::regnamespace);
          END LOOP;
      END $do$;
      DROP SCHEMA mypage_rebuild CASCADE)sql");
  NotifyAllChanged(tx);
  return counts;
}

}  // namespace mypage
