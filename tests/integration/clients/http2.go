// http2.go URL CA COUNT SIZE: COUNT requests at once, then one with a body of SIZE bytes that comes back and a field of trailers.
// Prints what it was answered.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func read(response *http.Response, err error) (string, []byte) {
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprintf("%s %d", response.Proto, response.StatusCode), body
}

func main() {
	url := os.Args[1]
	authority, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	count, _ := strconv.Atoi(os.Args[3])
	size, _ := strconv.Atoi(os.Args[4])
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: pool},
	}}
	var lock sync.Mutex
	var group sync.WaitGroup
	answers := map[string]int{}
	for i := 0; i < count; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			status, body := read(client.Get(url + "/"))
			lock.Lock()
			defer lock.Unlock()
			answers[status+" "+string(body)]++
		}()
	}
	group.Wait()
	body := bytes.Repeat([]byte("go"), size/2)
	request, err := http.NewRequest("POST", url+"/echo", struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		log.Fatal(err)
	}
	request.Trailer = http.Header{"X-Sum": {"1"}}
	status, echo := read(client.Do(request))
	same := "no echo"
	if bytes.Equal(body, echo) {
		same = "echo"
	}
	for answer, number := range answers {
		fmt.Printf("%d answers: %s; ", number, answer)
	}
	fmt.Printf("%s %s\n", status, same)
}
