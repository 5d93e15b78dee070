using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Tests.Hosting;

/// <summary>The site behind a real nginx with TLS, set up as the README tells.</summary>
public sealed class NginxTests(SiteFixture site) : SiteTest(site)
{
    private const string Host = "lab.example.org";
    private const string Client = "127.0.0.2";

    [Fact]
    public async Task Site_BehindNginx_HasItsAddressCookiesAndClients()
    {
        var nginx = new[] { "/usr/sbin/nginx", "/usr/bin/nginx" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(nginx is null, "nginx is not installed (apt-get install nginx-light).");
        Assert.SkipWhen(!File.Exists("/usr/bin/openssl"), "openssl is not installed.");
        await using var node = Site.Build(options: o => o with { Proxies = ProxySetup.Parse("127.0.0.1", "test"), Hosts = [Host] });
        await node.StartAsync(Ct);
        var folder = Directory.CreateTempSubdirectory("smtweb-nginx-").FullName;
        var port = FreePort();
        try
        {
            await RunAsync(
                "/usr/bin/openssl",
                $"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={Host} -keyout {folder}/key.pem -out {folder}/cert.pem"
            );
            await File.WriteAllTextAsync(
                Path.Combine(folder, "nginx.conf"),
                Configuration(folder, port, new Uri(node.Urls.First()).Port),
                Ct
            );
            using var proxy = Process.Start(
                new ProcessStartInfo(
                    nginx!,
                    ["-c", Path.Combine(folder, "nginx.conf"), "-p", folder, "-e", Path.Combine(folder, "error.log"), "-g", "daemon off;"]
                )
            )!;
            try
            {
                await UseAsync(
                    node.Services.GetRequiredService<OneTimeLinks>(),
                    port,
                    () => File.ReadAllText(Path.Combine(folder, "error.log"))
                );
            }
            finally
            {
                proxy.Kill(entireProcessTree: true);
                await proxy.WaitForExitAsync(Ct);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            await node.StopAsync(Ct);
        }
    }

    private async Task UseAsync(OneTimeLinks links, int port, Func<string> log)
    {
        var admin = await Site.UserAsync(LabRoles.Admin);
        using var browser = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                CookieContainer = new CookieContainer(),
                SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true }, // its own certificate
                ConnectCallback = async (_, ct) =>
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    socket.Bind(new IPEndPoint(IPAddress.Parse(Client), 0)); // the proxy's own address is believed, the client's is not
                    await socket.ConnectAsync(IPAddress.Loopback, port, ct);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = new Uri($"https://{Host}:{port}"),
        };
        await UntilOpenAsync(browser, log);
        var link = await links.CreateAsync(admin.Id, Actor.Server, Ct);
        var signedIn = await browser.FillAsync(link, ("password", SiteFixture.Password), ("again", SiteFixture.Password));
        Assert.Equal(HttpStatusCode.Redirect, signedIn.StatusCode);
        Assert.All(signedIn.Headers.GetValues("Set-Cookie"), c => Assert.Contains("secure", c));
        using var make = new HttpRequestMessage(HttpMethod.Post, "/api/v1/users")
        {
            Content = Json($$"""{"name":"n{{Guid.NewGuid():N}}","role":"member"}"""),
        };
        make.Headers.Add("Origin", $"https://{Host}:{port}"); // as a browser does
        make.Headers.Add("X-Forwarded-Host", "evil.com"); // nginx writes its own
        make.Headers.Add("X-Forwarded-For", "6.6.6.6");
        var made = await (await browser.SendAsync(make, Ct)).EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.StartsWith($"https://{Host}:{port}/sign-in/once?token=", made.GetProperty("link").GetString());
        var lines = await Site
            .App.Services.GetRequiredService<AuditLog>()
            .ListAsync(limit: 10, action: AuditActions.UserCreated, actor: admin.Name, ct: Ct);
        Assert.Equal(Client, lines[0].Address); // the client of nginx, whatever it wrote itself
    }

    private static async Task UntilOpenAsync(HttpClient browser, Func<string> log)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/sign-in", Ct)).StatusCode);
                return;
            }
            catch (HttpRequestException) when (patience.Elapsed < TimeSpan.FromSeconds(20))
            {
                await Task.Delay(100, Ct);
            }
            catch (HttpRequestException e)
            {
                throw new InvalidOperationException($"nginx does not answer: {log()}", e);
            }
        }
    }

    /// <summary>The README's, in a folder of its own.</summary>
    private static string Configuration(string folder, int port, int site) =>
        $$"""
            pid {{folder}}/nginx.pid;
            worker_processes 1;
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            events { worker_connections 128; }
            http {
              access_log off;
              client_body_temp_path {{folder}}/body; proxy_temp_path {{folder}}/proxy; fastcgi_temp_path {{folder}}/fastcgi; uwsgi_temp_path {{folder}}/uwsgi; scgi_temp_path {{folder}}/scgi;
              map $http_upgrade $connection_upgrade { default upgrade; '' close; }
              server {
                listen 127.0.0.1:{{port}} ssl;
                server_name {{Host}};
                ssl_certificate {{folder}}/cert.pem;
                ssl_certificate_key {{folder}}/key.pem;
                location / {
                  proxy_pass http://127.0.0.1:{{site}};
                  proxy_http_version 1.1;
                  proxy_set_header Host $http_host;
                  proxy_set_header X-Forwarded-Host $http_host;
                  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                  proxy_set_header X-Forwarded-Proto $scheme;
                  proxy_set_header Upgrade $http_upgrade;
                  proxy_set_header Connection $connection_upgrade;
                }
              }
            }
            """;

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task RunAsync(string program, string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var error = process.StandardError.ReadToEndAsync(Ct);
        await process.StandardOutput.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);
        Assert.True(process.ExitCode == 0, await error);
    }
}
