module jeton.example/interop

go 1.19
