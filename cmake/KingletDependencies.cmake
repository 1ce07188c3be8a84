# Everything that Kinglet links or includes, found once.
find_package(hwy REQUIRED)
find_package(OpenBLASSerial REQUIRED)
find_package(Threads REQUIRED)
find_package(xsimd REQUIRED)
find_package(Protozero REQUIRED)
find_package(Stb REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)
