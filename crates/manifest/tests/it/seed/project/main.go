package main

import (
	"git.xdrm.io/go/aicra"
	"net/http"
)

func main() {
	server, err := aicra.New("api.json")
	if err != nil {
		panic(err)
	}
	err = http.ListenAndServe("127.0.0.1:4242", server)
	if err != nil {
		panic(err)
	}
}
