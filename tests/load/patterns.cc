#include "tests/load/patterns.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace load {
namespace {

using platform::MutexLock;

// Random, but the same for the same seed and arrival.
using Random = std::mt19937_64;

Random RandomOf(uint64_t seed, uint64_t number) {
  std::seed_seq mixed{seed, seed >> 32, number, number >> 32};
  return Random(mixed);
}

double Unit(Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

absl::Duration Between(Random& random, absl::Duration least,
                       absl::Duration most) {
  return least + (most - least) * Unit(random);
}

Client::Wish WishOf(const PatternOptions& options, uint64_t number,
                    Random& random) {
  const auto any = [&random](int32_t from, int32_t count) {
    return std::uniform_int_distribution<int32_t>(from,
                                                  from + count - 1)(random);
  };
  return {.key = absl::StrCat(options.run, "-", number),
          .customer = any(options.first_customer, options.customers),
          .restaurant = options.restaurant,
          .menu = any(1, options.menus),
          .qty = any(1, options.max_qty)};
}

// A customer who gets no answer asks again, with the same key.
class Placing {
 public:
  Placing(Agenda& agenda, Client& client) : agenda_(agenda), client_(client) {}

  void Place(absl::Time intended, const Client::Wish& wish, Client::Done done,
             int tries_left = 4) {
    client_.Place(intended, wish, [=, this](const Entry& entry) {
      if (Indeterminate(entry) && tries_left > 0) {
        const absl::Time again = absl::Now() + absl::Seconds(1);
        agenda_.At(again,
                   [=, this] { Place(again, wish, done, tries_left - 1); });
      }
      if (done) done(entry);
    });
  }

 private:
  Agenda& agenda_;
  Client& client_;
};

// Asks until there is an answer that will not change.
class Insisting {
 public:
  using Ask = std::function<void(absl::Time, Client::Done)>;
  explicit Insisting(Agenda& agenda) : agenda_(agenda) {}

  // `done` is called with the first definite answer, or never.
  void Until(absl::Time when, absl::Duration every, int tries, Ask ask,
             Client::Done done) {
    agenda_.At(when, [=, this] {
      ask(when, [=, this](const Entry& entry) {
        const bool early =
            entry.code == "NOT_FOUND" || entry.code == "RESOURCE_EXHAUSTED";
        if (!early && !Indeterminate(entry)) {
          if (done) done(entry);
        } else if (tries > 1) {
          Until(absl::Now() + every, every, tries - 1, ask, done);
        }
      });
    });
  }

 private:
  Agenda& agenda_;
};

// Orders that were acknowledged, the latest few thousand.
class Known {
 public:
  struct Order {
    std::string id;
    int32_t customer = 0;
  };
  void Add(const Entry& entry) {
    MutexLock lock(mutex_);
    orders_.push_back({entry.order_id, entry.customer});
    if (orders_.size() > 4000) orders_.pop_front();
  }
  // The latest with part 0, any with 1. False if there is none.
  bool Pick(double part, Order& order) {
    MutexLock lock(mutex_);
    if (orders_.empty()) return false;
    const auto back =
        static_cast<size_t>(part * static_cast<double>(orders_.size() - 1));
    order = orders_[orders_.size() - 1 - back];
    return true;
  }

 private:
  platform::Mutex mutex_;
  std::deque<Order> orders_ ABSL_GUARDED_BY(mutex_);
};

// A pattern with all that patterns work with.
class EquippedPattern : public Pattern {
 public:
  EquippedPattern(PatternOptions options, Agenda& agenda, Client& client)
      : options_(std::move(options)),
        agenda_(agenda),
        client_(client),
        placing_(agenda, client),
        insisting_(agenda) {}

 protected:
  const PatternOptions options_;
  Agenda& agenda_;
  Client& client_;
  Placing placing_;
  Insisting insisting_;
};

class Mix final : public EquippedPattern {
 public:
  using EquippedPattern::EquippedPattern;

  void Arrive(uint64_t number, absl::Time intended) override {
    Random random = RandomOf(options_.seed, number);
    const double what = 100 * Unit(random);
    Known::Order order;
    // Half of the cancels meet an order that has just been placed.
    const double age = Unit(random) < 0.5 ? 0.002 : Unit(random);
    if (what < options_.place || !known_.Pick(age, order)) {
      Place(number, intended, random);
    } else if (what < options_.place + options_.cancel) {
      client_.Cancel(intended, order.id, order.customer, nullptr);
    } else if (Unit(random) < 0.5) {
      client_.GetOrder(intended, order.id, order.customer, nullptr);
    } else {
      client_.GetMypage(intended, order.id, order.customer, nullptr);
    }
  }

 private:
  void Place(uint64_t number, absl::Time intended, Random& random) {
    const Client::Wish wish = WishOf(options_, number, random);
    const bool finish = Unit(random) < options_.finish;
    const bool deliver = Unit(random) < options_.deliver;
    const bool repeat = Unit(random) < options_.repeat;
    const bool reuse = Unit(random) < options_.reuse;
    const absl::Duration pause =
        Between(random, absl::ZeroDuration(), absl::Milliseconds(300));
    placing_.Place(intended, wish, [=, this](const Entry& entry) {
      if (entry.code != "OK") return;
      known_.Add(entry);
      const std::string id = entry.order_id;
      const absl::Time then = absl::Now() + pause;
      if (finish) {
        insisting_.Until(
            then, absl::Milliseconds(200), 20,
            [this, id](absl::Time when, Client::Done done) {
              client_.FinishCooking(when, id, std::move(done));
            },
            nullptr);
      }
      if (deliver) {
        insisting_.Until(
            then, absl::Milliseconds(200), 20,
            [this, id](absl::Time when, Client::Done done) {
              client_.CompleteDelivery(when, id, std::move(done));
            },
            nullptr);
      }
      if (repeat) {
        agenda_.At(then, [=, this] { client_.Place(then, wish, nullptr); });
      }
      if (reuse) {
        Client::Wish other = wish;
        other.qty = wish.qty % 100 + 1;
        agenda_.At(then, [=, this] { client_.Place(then, other, nullptr); });
      }
    });
  }

  Known known_;
};

class RaceCancel final : public EquippedPattern {
 public:
  using EquippedPattern::EquippedPattern;

  void Arrive(uint64_t number, absl::Time intended) override {
    Random random = RandomOf(options_.seed, number);
    const Client::Wish wish = WishOf(options_, number, random);
    const absl::Duration pause = Between(random, options_.least, options_.most);
    placing_.Place(intended, wish, [=, this](const Entry& entry) {
      if (entry.code != "OK") return;
      const absl::Time then = absl::Now() + pause;
      agenda_.At(then,
                 [this, then, id = entry.order_id, customer = entry.customer] {
                   client_.Cancel(then, id, customer, nullptr);
                 });
    });
  }
};

class RaceFinish final : public EquippedPattern {
 public:
  using EquippedPattern::EquippedPattern;

  void Arrive(uint64_t number, absl::Time intended) override {
    Random random = RandomOf(options_.seed, number);
    const Client::Wish wish = WishOf(options_, number, random);
    const absl::Duration cancel =
        Between(random, options_.least, options_.most);
    const absl::Duration finish =
        Between(random, options_.least, options_.most);
    placing_.Place(intended, wish, [=, this](const Entry& entry) {
      if (entry.code != "OK") return;
      insisting_.Until(
          absl::Now() + absl::Milliseconds(5), absl::Milliseconds(20), 200,
          [this, id = entry.order_id](absl::Time when, Client::Done done) {
            client_.GetTicket(when, id, std::move(done));
          },
          [=, this, id = entry.order_id,
           customer = entry.customer](const Entry& ticket) {
            if (ticket.status != "COOKING") return;
            const absl::Time start = absl::Now();
            agenda_.At(start + cancel, [=, this] {
              client_.Cancel(start + cancel, id, customer, nullptr);
            });
            agenda_.At(start + finish, [=, this] {
              client_.FinishCooking(start + finish, id, nullptr);
            });
          });
    });
  }
};

class SameKey final : public EquippedPattern {
 public:
  using EquippedPattern::EquippedPattern;

  void Arrive(uint64_t number, absl::Time intended) override {
    Random random = RandomOf(options_.seed, number);
    const Client::Wish wish = WishOf(options_, number, random);
    Client::Wish other = wish;
    other.qty = wish.qty % 100 + 1;
    const int at =
        std::uniform_int_distribution<int>(0, options_.parallel - 1)(random);
    for (int i = 0; i < options_.parallel; ++i) {
      client_.Place(intended, i == at ? other : wish, nullptr);
    }
  }
};

template <typename Kind>
std::unique_ptr<Pattern> Make(PatternOptions options, Agenda& agenda,
                              Client& client) {
  return std::make_unique<Kind>(std::move(options), agenda, client);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pattern>> MakePattern(const std::string& name,
                                                     PatternOptions options,
                                                     Agenda& agenda,
                                                     Client& client) {
  constexpr std::pair<const char*, decltype(&Make<Mix>)> kPatterns[] = {
      {"mix", Make<Mix>},
      {"race-cancel", Make<RaceCancel>},
      {"race-finish", Make<RaceFinish>},
      {"same-key", Make<SameKey>},
  };
  for (const auto& [known, make] : kPatterns) {
    if (name == known) return make(std::move(options), agenda, client);
  }
  return absl::InvalidArgumentError(
      "--pattern: mix, race-cancel, race-finish or same-key");
}

}  // namespace load
