// Heard orders in Postgres: all SQL of this service.
#pragma once

#include "absl/types/span.h"

#include "newcomer/app/heard_order_store.h"
#include "platform/pg/pool.h"

namespace newcomer {

// Prepares all statements of this service, the inbox's too. For
// PoolOptions::prepare.
void PrepareStatements(pqxx::connection& connection);

// A HeardOrderStore bound to one transaction, which must outlive it. Throws
// what libpqxx throws; platform::pg::Pool turns it into a status.
class PgHeardOrderStore final : public HeardOrderStore {
 public:
  explicit PgHeardOrderStore(pqxx::transaction_base& tx) : tx_(tx) {}

  void KeepLatest(absl::Span<const HeardOrder> orders) override;

 private:
  pqxx::transaction_base& tx_;
};

}  // namespace newcomer
