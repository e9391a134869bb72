// What a Go program asks of its runtime: goroutines, garbage collection on several threads, signals, faults that
// become panics, network, preemption by signals, children. Every line is the same on every machine.

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func goroutines() {
	const n = 2000
	ch := make(chan int)
	var wg sync.WaitGroup
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(i int) { defer wg.Done(); ch <- i * i % 1009 }(i)
	}
	go func() { wg.Wait(); close(ch) }()
	sum := 0
	for v := range ch {
		sum += v
	}
	fmt.Println("goroutines", sum)
}

type node struct {
	left, right *node
	data        [16]byte
}

func tree(d int) *node {
	if d == 0 {
		return &node{}
	}
	return &node{left: tree(d - 1), right: tree(d - 1)}
}
func (n *node) count() int {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func gc() {
	var total int64
	var wg sync.WaitGroup
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 20; i++ {
				atomic.AddInt64(&total, int64(tree(10).count()))
				if i%5 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	wg.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("gc", total, m.NumGC > 0)
}

func signals() {
	c := make(chan os.Signal, 10)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGURG)
	got := 0
	for i := 0; i < 50; i++ {
		syscall.Kill(syscall.Getpid(), syscall.SIGUSR1)
		for s := range c {
			if s == syscall.SIGUSR1 {
				got++
				break
			}
		}
	}
	signal.Stop(c)
	fmt.Println("signals", got)
}

func fault() {
	defer func() { fmt.Println("fault", recover()) }()
	var p *node
	fmt.Println(p.data[3])
}

func divide(a, b int) {
	defer func() { fmt.Println("divide", recover()) }()
	fmt.Println(a / b)
}

func network() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("network", err)
		return
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", r.URL.Path)
	})}
	go srv.Serve(l)
	var mu sync.Mutex
	var out []string
	var wg sync.WaitGroup
	for i := 0; i < 16; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for k := 0; k < 10; k++ {
				r, err := http.Get(fmt.Sprintf("http://%s/%d", l.Addr(), i))
				if err != nil {
					fmt.Println(err)
					return
				}
				b, _ := io.ReadAll(r.Body)
				r.Body.Close()
				if k == 0 {
					mu.Lock()
					out = append(out, string(b))
					mu.Unlock()
				}
			}
		}(i)
	}
	wg.Wait()
	srv.Close()
	sort.Strings(out)
	fmt.Println("network", len(out), out[0], out[len(out)-1])
}

func preempt() {
	runtime.GOMAXPROCS(1)
	done := make(chan bool)
	var stop int32
	go func() {
		for atomic.LoadInt32(&stop) == 0 {
		}
		done <- true
	}()
	time.Sleep(30 * time.Millisecond) // the loop must be preempted by a signal
	atomic.StoreInt32(&stop, 1)
	<-done
	runtime.GOMAXPROCS(4)
	fmt.Println("preempted")
}

func child() {
	out, err := exec.Command("/proc/self/exe", "child").CombinedOutput()
	fmt.Printf("child %q %v\n", out, err)
	pid := exec.Command("/proc/self/exe", "sleep")
	pid.Start()
	pid.Process.Kill()
	fmt.Println("killed", pid.Wait())
}

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "sleep" {
			time.Sleep(20 * time.Second)
		}
		fmt.Print("I am ", runtime.GOARCH)
		os.Exit(3)
	}
	fmt.Println(runtime.GOOS, runtime.GOARCH)
	goroutines()
	gc()
	signals()
	fault()
	divide(1, len(os.Args)-1)
	network()
	preempt()
	child()
}
