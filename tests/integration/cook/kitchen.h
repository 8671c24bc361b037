// A kitchen on a database of its own, for tests.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "tests/integration/cook/process.h"
#include "tests/support/postgres.h"

namespace cook {

class Kitchen {
 public:
  Kitchen();

  test_support::TestDatabase& db() { return db_; }
  Process& process() { return process_; }

  // "COOKING", …; "" if there is no ticket.
  std::string StatusOf(const OrderDetails& order);
  int OnHand(const Item& item);
  int Count(absl::string_view status);
  // The sum of the ledger's entries of `kind`.
  int LedgerSum(absl::string_view kind);

  // Checks what must hold whenever nobody is at work: the ledger adds up, each
  // ticket took and returned what its status says, and each of its versions was
  // told once.
  void ExpectBooksBalance();

 private:
  test_support::TestDatabase db_;
  Process process_;
};

}  // namespace cook
