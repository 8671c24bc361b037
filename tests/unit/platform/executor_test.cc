#include "platform/thread/executor.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "tests/support/eventually.h"
#include "tests/support/executor_gate.h"
#include "tests/support/notification.h"
#include "tests/support/status_matchers.h"

namespace platform {
namespace {

using test_support::Eventually;
using test_support::ExecutorGate;
using test_support::Fails;
using test_support::IsOk;
using ::testing::ElementsAre;

Executor::Task Nothing() {
  return [](const absl::Status&) {};
}

TEST(ExecutorTest, RunsTasksOnAnotherThread) {
  Executor executor({.threads = 2});
  test_support::Notification ran;
  std::thread::id where;

  EXPECT_THAT(executor.Submit(Priority::kNormal, absl::InfiniteFuture(),
                              [&](const absl::Status& admitted) {
                                EXPECT_THAT(admitted, IsOk());
                                where = std::this_thread::get_id();
                                ran.Notify();
                              }),
              IsOk());
  ran.WaitForNotification();

  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(ExecutorTest, RunsAsManyAtATimeAsItHasThreads) {
  Executor executor({.threads = 2});
  ExecutorGate one(executor);
  ExecutorGate two(executor);  // Enters while the first is held.
  std::atomic<bool> third = false;
  EXPECT_THAT(executor.Submit(Priority::kUrgent, absl::InfiniteFuture(),
                              [&](const absl::Status&) { third = true; }),
              IsOk());

  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_FALSE(third);
  one.Open();
  EXPECT_TRUE(Eventually(absl::Seconds(5), [&] { return third.load(); }));
}

TEST(ExecutorTest, WhatMattersMoreGoesFirst) {
  std::vector<std::string> order;
  {
    Executor executor({.threads = 1});
    ExecutorGate gate(executor);
    const auto note = [&order](const char* name) {
      return [&order, name](const absl::Status&) { order.emplace_back(name); };
    };
    for (const auto& [priority, name] : {std::pair(Priority::kLow, "low"),
                                         {Priority::kNormal, "normal 1"},
                                         {Priority::kNormal, "normal 2"},
                                         {Priority::kUrgent, "urgent"}}) {
      EXPECT_THAT(executor.Submit(priority, absl::InfiniteFuture(), note(name)),
                  IsOk());
    }
    executor.Continue([&order] { order.emplace_back("continued"); });
    gate.Open();
  }

  EXPECT_THAT(
      order, ElementsAre("continued", "urgent", "normal 1", "normal 2", "low"));
}

TEST(ExecutorTest, AFloodOfWhatMattersMoreDoesNotStopTheRest) {
  std::vector<std::string> order;
  {
    Executor executor({.threads = 1});
    ExecutorGate gate(executor);
    executor.Add(Priority::kNormal, [&order] { order.emplace_back("normal"); });
    for (int i = 0; i < 100; ++i) {
      executor.Add(Priority::kUrgent,
                   [&order] { order.emplace_back("urgent"); });
    }
    gate.Open();
  }

  const auto normal = std::find(order.begin(), order.end(), "normal");
  EXPECT_GT(normal - order.begin(), 8);
  EXPECT_LT(normal - order.begin(), 16);
}

TEST(ExecutorTest, TellsWhetherSomethingWaits) {
  Executor executor({.threads = 1});
  ExecutorGate gate(executor);
  EXPECT_FALSE(executor.Waits(Priority::kUrgent));
  test_support::Notification done;
  executor.Add(Priority::kUrgent, [&] {
    EXPECT_FALSE(executor.Waits(Priority::kUrgent));
    done.Notify();
  });
  EXPECT_TRUE(executor.Waits(Priority::kUrgent));
  EXPECT_FALSE(executor.Waits(Priority::kNormal));
  gate.Open();
  done.WaitForNotification();
}

TEST(ExecutorTest, WhatIsAddedIsNeverRefused) {
  std::atomic<int> ran = 0;
  {
    Executor executor({.threads = 1, .queue_limit = 1});
    ExecutorGate gate(executor);
    for (int i = 0; i < 10; ++i)
      executor.Add(Priority::kNormal, [&] { ++ran; });
    gate.Open();
  }
  EXPECT_EQ(ran, 10);
}

TEST(ExecutorTest, RefusesWhenTheQueueIsFull) {
  Executor executor({.threads = 1, .queue_limit = 2});
  ExecutorGate gate(executor);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(
        executor.Submit(Priority::kNormal, absl::InfiniteFuture(), Nothing()),
        IsOk());
  }

  const absl::Status refused = executor.Submit(
      Priority::kNormal, absl::InfiniteFuture(),
      [](const absl::Status&) { ADD_FAILURE() << "was refused, yet ran"; });

  EXPECT_THAT(refused,
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_TRUE(RetryAfterOf(refused).has_value());
}

TEST(ExecutorTest, AFullQueueDoesNotStopWhatMattersMore) {
  Executor executor({.threads = 1, .queue_limit = 1});
  ExecutorGate gate(executor);
  ASSERT_THAT(
      executor.Submit(Priority::kNormal, absl::InfiniteFuture(), Nothing()),
      IsOk());
  ASSERT_THAT(
      executor.Submit(Priority::kNormal, absl::InfiniteFuture(), Nothing()),
      Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));

  EXPECT_THAT(
      executor.Submit(Priority::kUrgent, absl::InfiniteFuture(), Nothing()),
      IsOk());
}

TEST(ExecutorTest, RefusesAtOnceWhatCannotStartInTime) {
  Executor executor({.threads = 1, .queue_limit = 1000});
  // It learns that a task takes about 20 ms…
  for (int i = 0; i < 10; ++i) {
    test_support::Notification done;
    ASSERT_THAT(executor.Submit(Priority::kNormal, absl::InfiniteFuture(),
                                [&](const absl::Status&) {
                                  absl::SleepFor(absl::Milliseconds(20));
                                  done.Notify();
                                }),
                IsOk());
    done.WaitForNotification();
  }
  ExecutorGate gate(executor);
  for (int i = 0; i < 50; ++i) {
    ASSERT_THAT(
        executor.Submit(Priority::kNormal, absl::InfiniteFuture(), Nothing()),
        IsOk());
  }

  // …so behind fifty of them nothing starts within 100 ms,
  EXPECT_THAT(executor.Submit(Priority::kNormal,
                              absl::Now() + absl::Milliseconds(100), Nothing()),
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  // but within a minute it does, and what goes before them also does.
  EXPECT_THAT(executor.Submit(Priority::kNormal, absl::Now() + absl::Minutes(1),
                              Nothing()),
              IsOk());
  EXPECT_THAT(executor.Submit(Priority::kUrgent,
                              absl::Now() + absl::Milliseconds(100), Nothing()),
              IsOk());
}

TEST(ExecutorTest, RefusesWhatIsTooLateAlready) {
  Executor executor({.threads = 1});

  EXPECT_THAT(executor.Submit(Priority::kUrgent,
                              absl::Now() - absl::Milliseconds(1), Nothing()),
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
}

TEST(ExecutorTest, TellsATaskThatItsDeadlinePassedWhileItWaited) {
  Executor executor({.threads = 1});
  ExecutorGate gate(executor);
  test_support::Notification answered;
  absl::Status admitted;
  // Long enough for it to be admitted on a machine that stalls.
  const absl::Time deadline = absl::Now() + absl::Milliseconds(500);
  ASSERT_THAT(executor.Submit(Priority::kNormal, deadline,
                              [&](const absl::Status& status) {
                                admitted = status;
                                answered.Notify();
                              }),
              IsOk());

  absl::SleepFor(deadline - absl::Now() + absl::Milliseconds(1));
  gate.Open();
  answered.WaitForNotification();

  EXPECT_THAT(admitted,
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
}

// Saying no is quick. If that counted, an executor that is late would think
// that it is fast, admit more, and be late with that as well.
TEST(ExecutorTest, LearnsNothingFromWhatItRefuses) {
  Executor executor({.threads = 1, .queue_limit = 1000});
  {
    ExecutorGate gate(executor);  // A task that takes half a second.
    const absl::Time deadline = absl::Now() + absl::Milliseconds(500);
    for (int i = 0; i < 60; ++i) {
      ASSERT_THAT(executor.Submit(Priority::kNormal, deadline, Nothing()),
                  IsOk());
    }
    absl::SleepFor(deadline - absl::Now());
    gate.Open();
    test_support::Notification all_refused;
    ASSERT_THAT(
        executor.Submit(Priority::kLow, absl::InfiniteFuture(),
                        [&](const absl::Status&) { all_refused.Notify(); }),
        IsOk());
    all_refused.WaitForNotification();
  }
  ExecutorGate gate(executor);
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(
        executor.Submit(Priority::kNormal, absl::InfiniteFuture(), Nothing()),
        IsOk());
  }

  EXPECT_THAT(executor.Submit(Priority::kNormal,
                              absl::Now() + absl::Milliseconds(100), Nothing()),
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
}

// A slow spell must not shed for ever: with nothing ahead all are admitted.
TEST(ExecutorTest, RecoversFromASlowSpell) {
  Executor executor({.threads = 1});
  test_support::Notification slow;
  ASSERT_THAT(executor.Submit(Priority::kNormal, absl::InfiniteFuture(),
                              [&](const absl::Status&) {
                                absl::SleepFor(absl::Milliseconds(200));
                                slow.Notify();
                              }),
              IsOk());
  slow.WaitForNotification();

  EXPECT_THAT(executor.Submit(Priority::kNormal,
                              absl::Now() + absl::Milliseconds(50), Nothing()),
              IsOk());
}

TEST(ExecutorTest, RunsWhatIsQueuedBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    Executor executor({.threads = 2, .queue_limit = 1000});
    for (int i = 0; i < 500; ++i) {
      ASSERT_THAT(executor.Submit(Priority::kLow, absl::InfiniteFuture(),
                                  [&](const absl::Status&) { ++ran; }),
                  IsOk());
    }
    executor.Continue([&] { ++ran; });
  }

  EXPECT_EQ(ran, 501);
}

TEST(ExecutorTest, EveryTaskOfManyThreadsIsAdmittedOnceOrRefusedOnce) {
  std::atomic<int> ran = 0;
  std::atomic<int> refused = 0;
  {
    Executor executor({.threads = 3, .queue_limit = 8});
    std::vector<std::thread> callers;
    callers.reserve(4);
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&, caller] {
        for (int i = 0; i < 1000; ++i) {
          const absl::Status submitted = executor.Submit(
              static_cast<Priority>((caller + i) % 3), absl::InfiniteFuture(),
              [&](const absl::Status&) { ++ran; });
          if (!submitted.ok()) ++refused;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }

  EXPECT_EQ(ran + refused, 4000);
}

}  // namespace
}  // namespace platform
