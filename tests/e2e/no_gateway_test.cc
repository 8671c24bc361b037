// Where Envoy cannot be had the services run without it.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/system.h"

namespace e2e {
namespace {

TEST(NoGatewayTest, TheServicesRunAndAnswerGrpc) {
  const System system(
      std::map<std::string, std::string>{{"ENVOY", "/nowhere/envoy"}});

  const Ran health = RunCommand(
      absl::StrCat(SOURCE_DIR "/.tools/bin/grpcurl -plaintext ",
                   system["ORDER_ADDR"], " grpc.health.v1.Health/Check"));
  EXPECT_EQ(health.exit_code, 0) << health.output;
  EXPECT_THAT(health.output, ::testing::HasSubstr("\"SERVING\""));
  EXPECT_EQ(system.Get("/orders").status, 0) << "somebody is at the gateway";
  EXPECT_EQ(system.Script("status").exit_code, 0) << "nothing is missing";
}

}  // namespace
}  // namespace e2e
